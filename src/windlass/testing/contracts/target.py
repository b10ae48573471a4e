"""What every target keeps to. A driver's test class inherits `TargetContract` and gives a `bench` fixture."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import pytest

from windlass.deploy.interface import Deployed, LogLine, Target
from windlass.errors import DeploymentFailed, Locked
from windlass.model.events import Event, ServiceFinished, ServiceStarted, silent
from windlass.model.release import Release


class TargetBench(Protocol):
    """A target, and releases for it.

    Releases have the services "web" and "api"; `web` and `api` choose among the image versions "1" and "2". A release
    made with `broken` never becomes ready: its "web" does not. One made with `absent` names an image that nobody has.
    "web" publishes its container port 80 and writes the log line "web is here".
    """

    @property
    def target(self) -> Target: ...

    def release(
        self, id: str, *, web: str = "1", api: str | None = "1", broken: bool = False, absent: bool = False
    ) -> Release: ...


def deploy(bench: TargetBench, release: Release, sequence: int = 1) -> Deployed:
    prepared = bench.target.prepare(release, silent)
    deployed = bench.target.switch(bench.target.check(prepared, silent, sequence), sequence, silent)
    bench.target.watch(deployed, silent)
    bench.target.retire(deployed, silent)
    return deployed


class TargetContract:
    @pytest.fixture
    def bench(self) -> TargetBench:
        raise NotImplementedError

    def test_before_the_first_release_nothing_runs(self, bench: TargetBench) -> None:
        assert bench.target.observe().services == ()
        assert bench.target.endpoint("web", 80) is None

    def test_preparing_changes_nothing_that_runs(self, bench: TargetBench) -> None:
        prepared = bench.target.prepare(bench.release("r1"), silent)
        assert {change.service: change.action for change in prepared.changes} == {"web": "create", "api": "create"}
        assert not prepared.nothing_to_do
        assert bench.target.observe().services == ()

    def test_a_deployed_release_is_observed_whole(self, bench: TargetBench) -> None:
        release = bench.release("r1")
        deployed = deploy(bench, release)
        seen = bench.target.observe()
        assert {state.service for state in deployed.observation.services} == {"web", "api"}
        for service in release.services:
            state = seen.service(service.name)
            assert state is not None and state.well
            assert (state.digest, state.release) == (service.digest, "r1")
            assert state.since is not None and state.since.endswith("Z")
        assert bench.target.endpoint("web", 80) is not None
        assert bench.target.endpoint("web", 0) == bench.target.endpoint("web", 80)
        assert bench.target.endpoint("web", 9999) is None
        assert bench.target.endpoint("nobody", 80) is None

    def test_the_same_content_again_is_nothing_to_do(self, bench: TargetBench) -> None:
        before = {state.service: state.container for state in deploy(bench, bench.release("r1")).observation.services}
        prepared = bench.target.prepare(bench.release("r2"), silent)
        assert prepared.nothing_to_do, prepared.changes
        after = bench.target.switch(bench.target.check(prepared, silent), 2, silent)
        assert {state.service: state.container for state in after.observation.services} == before
        assert {state.release for state in after.observation.services} == {"r2"}

    def test_only_what_changed_is_touched_and_told(self, bench: TargetBench) -> None:
        deploy(bench, bench.release("r1"))
        prepared = bench.target.prepare(bench.release("r2", api="2"), silent)
        assert {change.service: change.action for change in prepared.changes} == {"web": "keep", "api": "recreate"}
        events: list[Event] = []
        bench.target.switch(bench.target.check(prepared, events.append, 2), 2, events.append)
        assert [e.service for e in events if isinstance(e, ServiceStarted)] == ["api"]
        assert [(e.service, e.outcome) for e in events if isinstance(e, ServiceFinished)] == [("api", "ok")]

    def test_what_differs_is_named(self, bench: TargetBench) -> None:
        deploy(bench, bench.release("r1"))
        prepared = bench.target.prepare(bench.release("r2", api="2"), silent)
        said = bench.target.differences(prepared)
        assert list(said) == ["api"]
        assert any(sentence.startswith("image: ") for sentence in said["api"])
        assert bench.target.differences(bench.target.prepare(bench.release("r1"), silent)) == {}

    def test_a_look_at_what_differs_needs_no_image_and_is_nothing_to_switch_to(self, bench: TargetBench) -> None:
        before = deploy(bench, bench.release("r1", web="2")).observation
        absent = bench.release("r2", absent=True)
        prepared = bench.target.prepare(absent, silent, pulling=False)
        assert {c.service: c.action for c in prepared.changes} == {"web": "recreate", "api": "keep"}
        assert any(sentence.startswith("image: ") for sentence in bench.target.differences(prepared)["web"])
        assert bench.target.observe() == before
        assert "web" in [service.name for service in bench.target.lacking(absent)]
        with pytest.raises(DeploymentFailed):
            bench.target.prepare(absent, silent)

    def test_a_service_the_release_no_longer_has_is_removed(self, bench: TargetBench) -> None:
        deploy(bench, bench.release("r1"))
        without = bench.release("r2", api=None)
        prepared = bench.target.prepare(without, silent)
        assert {change.service: change.action for change in prepared.changes} == {"web": "keep", "api": "remove"}
        deploy(bench, without, 2)
        assert [state.service for state in bench.target.observe().services] == ["web"]
        assert bench.target.prepare(without, silent).nothing_to_do

    def test_a_service_the_release_no_longer_has_stays_until_that_is_retired_for_the_way_back(
        self, bench: TargetBench
    ) -> None:
        first, without = bench.release("r1"), bench.release("r2", web="2", api=None)
        before = deploy(bench, first).observation.service("api")
        bench.target.switch(bench.target.check(bench.target.prepare(without, silent), silent, 2), 2, silent)
        there = bench.target.observe().service("api")
        assert before is not None and there is not None
        assert (there.container, there.release, there.well) == (before.container, "r1", True)
        bench.target.restore(first, 2, silent)
        after = bench.target.observe().service("api")
        assert after is not None and after.container == before.container

    def test_what_somebody_did_not_come_to_remove_goes_with_the_same_release_again(self, bench: TargetBench) -> None:
        deploy(bench, bench.release("r1"))
        without = bench.release("r2", api=None)
        bench.target.switch(bench.target.check(bench.target.prepare(without, silent), silent, 2), 2, silent)
        assert not bench.target.prepare(without, silent).nothing_to_do
        deploy(bench, without, 3)
        assert [state.service for state in bench.target.observe().services] == ["web"]

    def test_a_release_that_never_gets_ready_fails_with_evidence(self, bench: TargetBench) -> None:
        deploy(bench, bench.release("r1"))
        broken = bench.release("r2", broken=True)
        events: list[Event] = []
        prepared = bench.target.prepare(broken, silent)
        with pytest.raises(DeploymentFailed) as failure:
            bench.target.switch(bench.target.check(prepared, events.append, 2), 2, events.append)
        assert "web" in failure.value.evidence
        assert failure.value.evidence["web"]
        assert ("web", "failed") in [(e.service, e.outcome) for e in events if isinstance(e, ServiceFinished)]

    def test_an_earlier_release_comes_back_whole(self, bench: TargetBench) -> None:
        first = bench.release("r1")
        deploy(bench, first)
        with pytest.raises(DeploymentFailed):
            deploy(bench, bench.release("r2", broken=True), 2)
        events: list[Event] = []
        restored = bench.target.restore(first, 2, events.append)
        assert restored.release == first
        states = {state.service: state for state in bench.target.observe().services}
        assert {name: (state.well, state.release) for name, state in states.items()} == {
            "web": (True, "r1"),
            "api": (True, "r1"),
        }
        assert {e.stage for e in events if isinstance(e, ServiceFinished)} <= {"restore"}

    def test_images_that_are_on_the_target_are_not_lacking(self, bench: TargetBench) -> None:
        deploy(bench, bench.release("r1"))
        assert bench.target.lacking(bench.release("r1")) == ()

    def test_an_image_that_is_nowhere_is_lacking_where_its_service_runs_and_not_where_it_is_inactive(
        self, bench: TargetBench
    ) -> None:
        release = bench.release("r1", absent=True)
        assert "web" in [service.name for service in bench.target.lacking(release)]
        assert bench.target.lacking(replace(release, inactive=("web",))) == ()

    def test_a_missing_image_fails_before_anything_is_touched(self, bench: TargetBench) -> None:
        before = deploy(bench, bench.release("r1")).observation
        with pytest.raises(DeploymentFailed, match="cannot be pulled"):
            bench.target.prepare(bench.release("r2", absent=True), silent)
        assert bench.target.observe() == before

    def test_a_late_change_is_refused(self, bench: TargetBench) -> None:
        deploy(bench, bench.release("r1"), 5)
        late = bench.target.prepare(bench.release("r2", api="2"), silent)
        with pytest.raises(Locked):
            bench.target.switch(bench.target.check(late, silent, 4), 4, silent)
        with pytest.raises(Locked):
            bench.target.restore(bench.release("r0"), 4, silent)
        assert {state.release for state in bench.target.observe().services} == {"r1"}

    def test_logs_come_with_the_service_they_are_from(self, bench: TargetBench) -> None:
        deploy(bench, bench.release("r1"))
        lines: list[LogLine] = []
        bench.target.logs(None, tail=50, follow=False, on_line=lines.append)
        assert LogLine("web", "web is here") in lines
        only: list[LogLine] = []
        bench.target.logs("api", tail=50, follow=False, on_line=only.append)
        assert {line.service for line in only} <= {"api"}
