"""The way back from a release that failed: what may go wrong on it, and what is said and recorded then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.delivery.world import World
from windlass.errors import (
    ConfigError,
    DeploymentFailed,
    EngineUnavailable,
    EnvironmentUnusable,
    ExitCode,
    Locked,
    UsageError,
)
from windlass.model.events import Event, Notice, StageFinished
from windlass.model.observation import Observation, ServiceState
from windlass.model.release import Record, Release, ReleasedService
from windlass.state.interface import ways_back
from windlass.steps.running import tell

GONE = EngineUnavailable("the engine does not answer", remedy="start it")
BUSY = DeploymentFailed("the edge does not answer: no answer", blames=False)


@pytest.fixture
def failing(tmp_path: Path) -> World:
    """main-0000001 serves; the next run fails its checks."""
    world = World(tmp_path)
    world.run()
    world.edit("api/app.py", "second")
    world.wrong["main-0000002"] = "500"
    return world


def first_way_back(records: tuple[Record, ...]) -> Release | None:
    return next(iter(ways_back(records)), None)


def newest(world: World) -> tuple[str, str | None]:
    record = world.state.records("production")[0]
    return record.outcome, record.running


def warnings(world: World) -> list[str]:
    return [event.text for event in world.events if isinstance(event, Notice) and event.level == "warning"]


def fail(world: World, method: str, *errors: Exception, after: bool = False) -> None:
    """A method of the target raises these in turn, and works then; `after` it has worked."""
    real, left = getattr(world.target, method), list(errors)

    def instead(*args: Any) -> Any:
        done = real(*args) if after or not left else None
        if left:
            raise left.pop(0)
        return done

    setattr(world.target, method, instead)


@pytest.mark.parametrize("error", [GONE, BUSY, OSError(5, "Input/output error")])
def test_an_engine_that_did_not_answer_once_is_asked_again(failing: World, error: Exception) -> None:
    fail(failing, "restore", error)
    assert failing.run().exit_code == ExitCode.RESTORED
    assert newest(failing) == ("restored", "main-0000001")
    assert any("tried once more" in text for text in warnings(failing))


def test_what_is_the_release_s_own_doing_is_not_tried_again(failing: World) -> None:
    fail(failing, "restore", DeploymentFailed("api: crash loop"))
    delivery = failing.run()
    assert delivery.exit_code == ExitCode.RESTORE_FAILED
    assert [name for name, _ in failing.target.calls].count("restore") == 0  # of the real one


@pytest.mark.parametrize(
    "error",
    [GONE, BUSY, DeploymentFailed("networks are in use"), OSError(28, "full"), Locked("somebody else is at it")],
)
def test_what_cannot_be_cleaned_up_makes_no_failure_of_a_release_that_serves(failing: World, error: Exception) -> None:
    fail(failing, "retire", error)
    failing.wrong.clear()
    assert failing.run().outcome == "healthy"
    assert any("not everything of the release before" in text for text in warnings(failing))


@pytest.mark.parametrize("error", [GONE, DeploymentFailed("networks are in use")])
def test_what_cannot_be_cleaned_up_makes_no_failure_of_a_restored_release(failing: World, error: Exception) -> None:
    fail(failing, "retire", error)
    assert failing.run().exit_code == ExitCode.RESTORED
    assert newest(failing) == ("restored", "main-0000001")


@pytest.mark.parametrize("error", [(DeploymentFailed("its note cannot be written"),), (GONE, GONE)])
def test_a_way_back_that_stumbled_at_its_end_counts_when_the_release_runs_and_passes(
    failing: World, error: tuple[Exception, ...]
) -> None:
    fail(failing, "restore", *error, after=True)
    assert failing.run().exit_code == ExitCode.RESTORED
    assert newest(failing) == ("restored", "main-0000001")
    assert any("main-0000001 runs again" in text for text in warnings(failing))


def test_checks_that_could_not_be_made_of_the_restored_release_are_made_again(failing: World) -> None:
    real, left = failing._verify, [GONE]

    def verify(environment: Any, release: Release, *args: Any, **more: Any) -> Any:
        if release.id == "main-0000001" and left:
            raise left.pop()
        return real(environment, release, *args, **more)

    failing._verify = verify  # type: ignore[method-assign]
    assert failing.run().exit_code == ExitCode.RESTORED


def test_when_the_way_back_fails_the_release_that_goes_on_running_is_recorded_and_said(failing: World) -> None:
    fail(failing, "restore", GONE, GONE)
    delivery = failing.run()
    assert delivery.exit_code == ExitCode.RESTORE_FAILED
    assert newest(failing) == ("failed", "main-0000002")
    rollout = delivery.rollout
    assert rollout is not None and rollout.restore_failure is not None
    assert rollout.now == "main-0000002 runs now"
    assert "windlass rollback production main-0000001" in str(rollout.restore_failure.remedy)


def test_a_failed_release_that_serves_is_never_what_is_gone_back_to(failing: World) -> None:
    fail(failing, "restore", GONE, GONE)
    failing.run()
    back = first_way_back(failing.state.records("production"))
    assert back is not None and back.id == "main-0000001"
    assert failing.run(same_commit=True).exit_code == ExitCode.REFUSED
    failing.edit("api/app.py", "third")
    failing.wrong["main-0000003"] = failing.wrong["main-0000002"]
    assert failing.run().exit_code == ExitCode.RESTORED
    assert newest(failing) == ("restored", "main-0000001")


def test_after_a_failed_way_back_rollback_brings_the_last_healthy_release(failing: World) -> None:
    fail(failing, "restore", GONE, GONE)
    failing.run()
    assert failing.roll_back().outcome == "healthy"
    assert newest(failing) == ("healthy", "main-0000001")


def test_what_was_never_healthy_is_no_way_back(failing: World) -> None:
    """A rollback is held back by no approval and no freeze, and is not watched."""
    fail(failing, "switch", DeploymentFailed("the image cannot be pulled", blames=False))
    failing.run()
    with pytest.raises(UsageError, match="main-0000002 was never healthy on production") as refused:
        failing.roll_back("main-0000002")
    assert refused.value.remedy == "windlass deploy production --release main-0000002 deploys it"
    assert newest(failing) == ("restored", "main-0000001")


def test_where_what_serves_again_fares_no_better_rollback_goes_further(failing: World) -> None:
    failing.wrong.clear()
    failing.run()
    failing.edit("api/app.py", "third")
    failing.wrong |= {"main-0000003": "500", "main-0000002": "500"}  # something outside broke
    assert failing.run().exit_code == ExitCode.RESTORE_FAILED
    assert failing.roll_back().outcome == "healthy"
    assert newest(failing) == ("healthy", "main-0000001")


def test_after_one_that_was_broken_off_before_it_changed_anything_nothing_is_gone_back_to_unasked(
    failing: World,
) -> None:
    failing.wrong.clear()
    failing.run()
    failing.edit("api/app.py", "third")
    fail(failing, "switch", KeyboardInterrupt())  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        failing.run()
    with pytest.raises(UsageError, match="runs main-0000002 as it did before main-0000003") as refused:
        failing.roll_back()
    assert refused.value.remedy == "windlass rollback production main-0000001 goes back further"


def test_one_that_is_broken_off_between_its_record_and_its_deployment_is_recorded_as_that(failing: World) -> None:
    class Heard(list[Event]):
        def append(self, event: Event) -> None:
            if isinstance(event, StageFinished) and event.stage == "admit":
                raise KeyboardInterrupt
            super().append(event)

    failing.events = Heard()
    with pytest.raises(KeyboardInterrupt):
        failing.run()
    assert newest(failing) == ("interrupted", "main-0000001")
    assert {what for what, _ in failing.target.calls} == {"prepare"}


def test_who_interrupts_twice_is_recorded_all_the_same(failing: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def again(*_: object) -> Any:
        raise KeyboardInterrupt

    fail(failing, "switch", KeyboardInterrupt())  # type: ignore[arg-type]
    monkeypatch.setattr(failing.target, "observe", again)
    with pytest.raises(KeyboardInterrupt):
        failing.run()
    assert failing.state.records("production")[0].reason == "stopped by hand; it may be between two releases"


def test_an_engine_that_is_gone_for_good_leaves_it_open_what_runs_and_says_so(
    failing: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> Any:
        raise GONE

    def restore(*_: object) -> Any:
        monkeypatch.setattr(failing.target, "observe", gone)
        raise GONE

    monkeypatch.setattr(failing.target, "restore", restore)
    delivery = failing.run()
    assert delivery.exit_code == ExitCode.RESTORE_FAILED
    assert newest(failing) == ("failed", None)
    assert "what runs now is not known" in failing.state.records("production")[0].reason
    assert "windlass doctor" in str(delivery.rollout.restore_failure.remedy)  # type: ignore[union-attr]


@pytest.mark.parametrize("error", [ConfigError("a variable is gone"), GONE, OSError(28, "No space left on device")])
@pytest.mark.parametrize("after", [False, True])
def test_an_error_in_mid_deployment_goes_back_and_is_no_mark_against_the_release(
    failing: World, error: Exception, after: bool
) -> None:
    failing.wrong.clear()
    fail(failing, "switch", error, after=after)
    delivery = failing.run()
    assert delivery.exit_code == ExitCode.RESTORED
    assert newest(failing) == ("restored", "main-0000001")
    assert error.args[-1] in str(delivery.rollout.failure)  # type: ignore[union-attr]
    assert failing.run(same_commit=True).outcome == "healthy"


def test_a_defect_in_mid_deployment_records_what_runs_and_not_what_should(failing: World) -> None:
    fail(failing, "switch", ValueError("a defect"), after=True)
    with pytest.raises(ValueError, match="a defect"):
        failing.run()
    assert newest(failing) == ("failed", "main-0000002")


def test_what_fails_is_never_what_is_gone_back_to(failing: World) -> None:
    """Nothing is known to run, and the release that a rollback tries fails as well."""
    world = failing
    world.wrong.clear()
    world.run()
    world.edit("api/app.py", "third")
    world.wrong["main-0000003"] = "500"
    fail(world, "restore", DeploymentFailed("no way back"))
    assert world.run().exit_code == ExitCode.RESTORE_FAILED
    history = world.state.kept["production"]
    history[-1] = replace(history[-1], running=None)
    world.wrong["main-0000002"] = "500"
    delivery = world.roll_back("main-0000002")
    assert delivery.rollout is not None and delivery.rollout.restored is not None
    assert delivery.rollout.restored.id == "main-0000001"
    assert newest(world) == ("restored", "main-0000001")


def test_what_users_were_led_to_by_one_who_was_interrupted_is_watched(failing: World) -> None:
    """The next run finds it running, and does not take it for well because of that."""
    failing.wrong.clear()
    fail(failing, "switch", KeyboardInterrupt(), after=True)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        failing.run()
    assert newest(failing) == ("interrupted", "main-0000001")
    assert failing.state.records("production")[0].reason == "stopped by hand; main-0000002 runs now"
    assert "production: main-0000002 runs now" in warnings(failing)
    failing.target.troubles["main-0000002"] = "errors after the switch"
    assert failing.run(same_commit=True).exit_code == ExitCode.RESTORED
    assert newest(failing) == ("restored", "main-0000001")


def test_what_runs_and_was_well_is_not_watched_again_for_a_commit_that_changes_nothing(failing: World) -> None:
    failing.edit("api/app.py", "api")
    failing.target.troubles["main-0000002"] = "errors after the switch"
    failing.wrong.clear()
    assert failing.run().outcome == "healthy"
    assert newest(failing) == ("healthy", "main-0000002")


def test_a_lease_that_was_lost_ends_it_before_the_switch(failing: World, monkeypatch: pytest.MonkeyPatch) -> None:
    failing.wrong.clear()
    another = failing.state.records("production")[0].release

    def asleep(*_: Any) -> Any:
        held = failing.state.records("production")[0]
        failing.state.kept["production"].append(replace(held, sequence=held.sequence + 1, outcome="failed", lease=None))
        failing.state.admit(another, "deploy", None)
        return real(*_)

    real = failing.target.check
    monkeypatch.setattr(failing.target, "check", asleep)
    with pytest.raises(Locked, match="taken over"):
        failing.run()
    assert {state.release for state in failing.target.observe().services} == {"main-0000001"}
    assert [name for name, _ in failing.target.calls].count("restore") == 0


def test_who_was_overtaken_while_images_were_pulled_begins_anew(
    failing: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails, and goes back to what has served since, not to what served when it began."""
    real, left = failing.target.prepare, [1]

    def prepare(release: Release, *more: Any) -> Any:
        if left and release.id == "main-0000002":
            left.pop()
            other = replace(failing.state.records("production")[0].release, id="main-other", tree="f" * 40)
            failing.state.settle(
                failing.state.admit(other, "deploy", None), "healthy", running=other.id, reason="", evidence=None
            )
        return real(release, *more)

    monkeypatch.setattr(failing.target, "prepare", prepare)
    assert failing.run().exit_code == ExitCode.RESTORED
    assert newest(failing) == ("restored", "main-other")


def test_a_record_that_cannot_be_written_ends_in_its_own_error_and_says_what_runs(
    failing: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> Any:
        raise EnvironmentUnusable("the disk is full: the record of main-0000002 could not be written")

    failing.wrong.clear()
    monkeypatch.setattr(failing.state, "settle", full)
    with pytest.raises(EnvironmentUnusable, match="the disk is full"):
        failing.run()
    assert any("main-0000002 runs now; this is not recorded" in text for text in warnings(failing))


def release(name: str, **digests: str) -> Release:
    services = tuple(ReleasedService(one, f"x/{one}", digest) for one, digest in digests.items())
    return Release(name, "production", "c", "t", (), services, "")


def seen(**services: tuple[str, str, str]) -> Observation:
    return Observation(
        tuple(
            ServiceState(name, health, digest=digest, release=of)  # type: ignore[arg-type]
            for name, (digest, of, health) in services.items()
        )
    )


OLD, NEW = release("r1", web="1", api="1"), release("r2", web="2", api="1")


@pytest.mark.parametrize(
    ("observed", "runs", "well", "text"),
    [
        (seen(), None, False, "nothing runs now"),
        (seen(web=("1", "r1", "healthy"), api=("1", "r1", "running")), "r1", True, "r1 runs now"),
        (seen(web=("1", "r1", "exited"), api=("1", "r1", "healthy")), "r1", False, "r1 runs now, but web is exited"),
        (seen(web=("2", "r2", "healthy")), None, False, "what runs now is no whole release: web of r2"),
        (
            seen(web=("3", "", "unhealthy"), api=("1", "r1", "healthy")),
            None,
            False,
            "what runs now is no whole release: web of no known release (unhealthy), api of r1",
        ),
    ],
)
def test_what_runs_is_told_by_digests(observed: Observation, runs: str | None, well: bool, text: str) -> None:
    now = tell(observed, (OLD, NEW))
    assert (now.release.id if now.release else None, now.well, now.text) == (runs, well, text)


def test_of_two_releases_with_the_same_images_the_one_it_came_from_runs() -> None:
    twin = release("r3", web="1", api="1")
    here = seen(web=("1", "r3", "healthy"), api=("1", "r1", "healthy"))
    assert tell(here, (OLD, twin)).release == OLD
    there = seen(web=("1", "r3", "healthy"), api=("1", "r3", "healthy"))
    assert tell(there, (OLD, twin)).release == twin
