"""A release is checked and watched at the same time: whichever verdict falls first counts, and ends the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.delivery.world import World

from windlass.deploy.interface import Deployed, Meanwhile
from windlass.errors import DeploymentFailed, EngineUnavailable, EnvironmentUnusable, VerificationFailed
from windlass.model.events import Emit, Notice, StageFinished
from windlass.model.observation import Asked, CheckResult, Endpoint, Observation
from windlass.model.project import Environment
from windlass.model.release import Release, ReleasedService
from windlass.steps.checking import Checking
from windlass.steps.stopwatch import Stopwatch
from windlass.steps.tools import Tools
from windlass.testing.target import FakeTarget
from windlass.verify.asking import Asking
from windlass.waiting import Stop

RELEASE = Release("r2", "production", "c" * 40, "t" * 40, (), (ReleasedService("api", "x/api", "sha256:2"),), "")
LONG = 30.0


def until(stop: Stop) -> bool:
    """Wait until somebody wants it to end; False when nobody does for long."""
    ended = threading.Event()
    with stop.ended_by(ended.set):
        return ended.wait(LONG)


class WatchedTarget(FakeTarget):
    """Its watch is whatever a test says."""

    def __init__(self, seen: Callable[[Meanwhile], None]) -> None:
        super().__init__()
        self.seen = seen

    def watch(self, deployed: Deployed, emit: Emit, meanwhile: Meanwhile | None = None) -> None:
        assert meanwhile is not None
        self.seen(meanwhile)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def check(world: World, watch: Callable[[Meanwhile], None], suite: Callable[[Asking], bool]) -> tuple[CheckResult, ...]:
    """Check a release: `suite` says whether its one check passes."""

    def verify(
        environment: Environment,
        release: Release,
        endpoint: Callable[[str, int], Endpoint | None],
        emit: Emit,
        *,
        asking: Asking | None = None,
    ) -> tuple[CheckResult, ...]:
        assert asking is not None
        return (CheckResult("it answers", "api", "http://localhost/", suite(asking), 1, 0.1, "seen"),)

    tools: Tools = replace(world.tools, verify=verify)
    checking = Checking(world.project.environment("production"), tools, WatchedTarget(watch), world.events.append)
    deployed = Deployed(RELEASE, Observation(()))
    return checking.verify(RELEASE, Stopwatch(world.events.append, world.clock), watched=deployed)


def test_a_release_that_goes_bad_is_left_while_the_suite_still_tries(world: World) -> None:
    trying, stopped = threading.Event(), []

    def watch(meanwhile: Meanwhile) -> None:
        assert trying.wait(LONG) and meanwhile.going()
        raise DeploymentFailed("api: it is exited after the switch")

    def suite(asking: Asking) -> bool:
        trying.set()
        stopped.append(until(asking.stop))
        return False

    with pytest.raises(DeploymentFailed, match="exited after the switch") as failure:
        check(world, watch, suite)
    assert not isinstance(failure.value, VerificationFailed)
    assert stopped == [True]
    assert [e.outcome for e in world.events if isinstance(e, StageFinished)] == ["failed"]


def test_a_suite_that_fails_ends_the_watch(world: World) -> None:
    watched = []

    def watch(meanwhile: Meanwhile) -> None:
        watched.append(until(meanwhile.stop))

    with pytest.raises(VerificationFailed, match="1 of 1 checks failed"):
        check(world, watch, lambda asking: False)
    assert watched == [True]


def test_a_suite_that_passes_does_not_end_the_watch(world: World) -> None:
    passed = threading.Event()

    def watch(meanwhile: Meanwhile) -> None:
        assert passed.wait(LONG) and not meanwhile.stop.is_set()
        raise DeploymentFailed("api: 9 of 10 requests failed after the switch")

    def suite(asking: Asking) -> bool:
        passed.set()
        return True

    with pytest.raises(DeploymentFailed, match="9 of 10"):
        check(world, watch, suite)


def test_that_nothing_can_be_seen_is_said_and_no_verdict(world: World) -> None:
    def watch(meanwhile: Meanwhile) -> None:
        raise EngineUnavailable("the engine does not answer", remedy="start it")

    (passed,) = check(world, watch, lambda asking: True)
    assert passed.passed
    assert [e.remedy for e in world.events if isinstance(e, Notice) and "could not be watched" in e.text] == [
        "start it"
    ]


def test_a_defect_of_the_watch_is_not_hidden_and_ends_the_suite(world: World) -> None:
    def watch(meanwhile: Meanwhile) -> None:
        raise ValueError("a defect")

    with pytest.raises(ValueError, match="a defect"):
        check(world, watch, lambda asking: not until(asking.stop))


@pytest.mark.parametrize("watched_to_its_end", [True, False])
def test_a_suite_that_could_not_be_asked_is_no_verdict_of_the_watch(world: World, watched_to_its_end: bool) -> None:
    """The real suite stops what it has begun when it ends early: that is not the watch's doing."""
    over = threading.Event()

    def watch(meanwhile: Meanwhile) -> None:
        if not watched_to_its_end:
            assert until(meanwhile.stop)
        over.set()

    def suite(asking: Asking) -> bool:
        assert not watched_to_its_end or over.wait(LONG)
        asking.stop.set()
        raise EnvironmentUnusable("the suite cannot be read")

    with pytest.raises(VerificationFailed, match="could not be verified: the suite cannot be read"):
        check(world, watch, suite)


def test_ctrl_c_during_the_suite_ends_the_watch(world: World) -> None:
    watched = []

    def watch(meanwhile: Meanwhile) -> None:
        watched.append(until(meanwhile.stop))

    def suite(asking: Asking) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(world, watch, suite)
    assert watched == [True]


def test_the_watch_knows_what_the_suite_asks_itself(world: World) -> None:
    asked, heard = threading.Event(), []

    def watch(meanwhile: Meanwhile) -> None:
        assert asked.wait(LONG)
        heard.append(meanwhile.asked())

    def suite(asking: Asking) -> bool:
        for status in (200, 500):
            with asking.request("api") as answered:
                answered.hear(status)
        asked.set()
        return True

    check(world, watch, suite)
    assert heard == [{"api": Asked(2, 1)}]
