"""From a commit to a healthy release, and what happens when it is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.delivery.world import World
from windlass.errors import (
    ConfigError,
    EngineUnavailable,
    EnvironmentUnusable,
    ExitCode,
    Locked,
    RegistryUnavailable,
)
from windlass.model.artifacts import Finding, NotScanned
from windlass.model.events import Notice, ServiceProgress, StageFinished
from windlass.model.project import ScanPolicy
from windlass.model.release import Record, Release
from windlass.state.interface import running_release, ways_back


def first_way_back(records: tuple[Record, ...]) -> Release | None:
    return next(iter(ways_back(records)), None)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def tags(world: World, repository: str) -> set[str]:
    return {tag for place, tag in world.images.tags if place == repository}


class TestBuilding:
    def test_the_first_run_builds_tests_publishes_and_deploys_everything(self, world: World) -> None:
        delivery = world.run()
        assert delivery.outcome == "healthy"
        assert delivery.exit_code == ExitCode.DONE
        assert world.built == ["api", "batch", "web"]
        assert [request.service for request in world.builder.executed] == ["api"]
        assert {service.name: service.tags for service in delivery.services} == dict.fromkeys(
            ("api", "web", "batch"), ("main-0000001", "latest")
        )
        assert [stage.name for stage in delivery.stages] == [
            "plan", "build", "test", "scan", "publish", "admit", "deploy", "verify", "record",
        ]  # fmt: skip

    def test_a_second_run_of_the_same_commit_does_nothing(self, world: World) -> None:
        world.run()
        delivery = world.run(same_commit=True)
        assert delivery.outcome == "healthy"
        assert delivery.rollout is not None and not delivery.rollout.changed
        assert world.built == []
        assert world.builder.executed == []
        assert world.images.moves == []
        assert [name for name, _ in world.target.calls] == ["prepare"]
        assert len(world.state.records("production")) == 2

    def test_it_is_told_how_far_an_upload_is(self, world: World) -> None:
        world.run()
        said = [event for event in world.events if isinstance(event, ServiceProgress) and event.stage == "publish"]
        assert {event.service for event in said} == {"api", "web", "batch"}
        assert all(event.message.endswith("100%") for event in said)

    def test_one_changed_file_rebuilds_its_service_alone(self, world: World) -> None:
        world.run()
        world.edit("web/app.py", "web, changed")
        delivery = world.run()
        assert world.built == ["web"]
        assert {s.name: s.built for s in delivery.services} == {"api": False, "web": True, "batch": False}
        assert tags(world, "batch") == {"main-0000001", "main-0000002", "latest"}

    def test_layer_caches_of_what_was_built_are_written(self, world: World) -> None:
        world.run()
        assert set(world.builder.cached) == {"api", "web", "batch"}

    def test_a_rebuild_takes_nothing_from_a_cache_and_replaces_what_is_remembered(self, world: World) -> None:
        world.run()
        world.run(rebuild=("web",))
        assert [(request.service, request.fresh) for request in world.builder.built] == [("web", True)]
        world.run()
        assert world.built == []

    def test_a_changed_library_rebuilds_exactly_its_users(self, world: World) -> None:
        world.run()
        world.edit("lib/kit.py", "shared, changed")
        world.run()
        assert world.built == ["api", "web"]

    def test_a_change_in_tests_alone_runs_them_and_builds_nothing(self, world: World) -> None:
        world.run()
        world.edit("api/tests/test_app.py", "one more")
        world.run()
        assert world.built == []
        assert [request.service for request in world.builder.executed] == ["api"]

    def test_failed_tests_stop_the_release(self, world: World) -> None:
        world.run()
        world.edit("api/tests/test_app.py", "fails")
        world.builder = replace(world.builder, failing={"api": ("AssertionError: 1 != 2",)})
        delivery = world.run()
        assert delivery.outcome == "failed"
        assert delivery.exit_code == ExitCode.STAGE_FAILED
        assert world.target.calls == []
        assert "main-0000002" not in tags(world, "api")

    def test_a_failed_build_stops_the_deployment_and_no_other_build(self, world: World) -> None:
        world.builder = replace(world.builder, failing={"web": ("no such package",)})
        delivery = world.run()
        assert delivery.exit_code == ExitCode.STAGE_FAILED
        assert list(delivery.failures) == ["web"]
        assert {service.name for service in delivery.services} == {"api", "batch"}
        assert world.target.calls == []

    def test_with_keep_going_the_rest_is_deployed_and_the_exit_code_tells(self, world: World) -> None:
        world.builder = replace(world.builder, failing={"web": ("no such package",)})
        delivery = world.run(keep_going=True)
        assert delivery.outcome == "healthy"
        assert delivery.exit_code == ExitCode.STAGE_FAILED
        assert delivery.rollout is not None
        assert [service.name for service in delivery.rollout.release.services] == ["api", "batch"]
        assert [name for name, _ in delivery.rollout.release.excluded] == ["web"]

    def test_with_keep_going_what_runs_of_a_failed_service_goes_on_running(self, world: World) -> None:
        before = world.run()
        world.edit("web/app.py", "broken")
        world.edit("api/app.py", "second")
        world.builder = replace(world.builder, failing={"web": ("no such package",)})
        delivery = world.run(keep_going=True)
        assert delivery.exit_code == ExitCode.STAGE_FAILED
        assert delivery.rollout is not None and before.rollout is not None
        assert delivery.rollout.release.excluded == ()
        assert delivery.rollout.release.service("web") == replace(
            before.rollout.release.service("web"),  # type: ignore[type-var]
            built=False,
        )
        assert world.target.running["web"].well

    def test_another_branch_goes_up_to_publish(self, world: World) -> None:
        delivery = world.run(None)
        assert delivery.outcome == "published"
        assert tags(world, "api") == {"feature-x-0000001"}
        assert world.target.calls == []

    def test_build_alone_publishes_nothing(self, world: World) -> None:
        delivery = world.run(None, until="build")
        assert world.built == ["api", "batch", "web"]
        assert world.images.published == set()
        assert [stage.name for stage in delivery.stages] == ["plan", "build", "test", "scan"]

    def test_staging_and_production_share_what_was_built(self, world: World) -> None:
        staging = world.run("staging")
        production = world.run("production", same_commit=True)
        assert world.built == []
        assert {s.digest for s in staging.services} == {s.digest for s in production.services}


class TestScanning:
    def test_a_release_nobody_scanned_says_so_everywhere(self, world: World) -> None:
        world.scanner.otherwise = NotScanned("nobody is here")
        delivery = world.run()
        assert delivery.not_scanned == "3 images not scanned for vulnerabilities"
        assert {service.scanned for service in delivery.services} == {"not scanned"}
        said = [e.detail for e in world.events if isinstance(e, StageFinished) and e.stage == "scan"]
        assert said == ["not scanned: nobody is here"]
        assert not [e for e in world.events if isinstance(e, Notice) and "scanned" in e.text.lower()]
        assert {s.scanned for s in world.state.records("production")[0].release.services} == {"not scanned"}

    def test_a_scanner_can_be_required(self, world: World) -> None:
        world.scanner.otherwise = NotScanned("nobody is here")
        world.project = replace(world.project, scan=ScanPolicy(required=True))
        assert world.run().exit_code == ExitCode.UNUSABLE
        assert world.images.published == set()

    def test_a_refused_image_gets_no_tag(self, world: World) -> None:
        world.scanner.otherwise = (Finding("CVE-1", "critical", "openssl", "1.0", "1.1"),)
        delivery = world.run()
        assert delivery.outcome == "refused"
        assert delivery.exit_code == ExitCode.SCAN_REFUSED
        assert world.images.published == set()
        assert "CVE-1" in str(delivery.failures["api"])


class TestMovingTags:
    def test_latest_moves_after_verification(self, world: World) -> None:
        world.run()
        assert world.images.tags["api", "latest"] == world.images.tags["api", "main-0000001"]
        world.wrong["main-0000002"] = "500"
        world.edit("api/app.py", "broken")
        world.run()
        assert world.images.tags["api", "latest"] == world.images.tags["api", "main-0000001"]

    def test_latest_moves_back_on_rollback(self, world: World) -> None:
        world.run()
        world.edit("api/app.py", "second")
        world.run()
        first = first_way_back(world.state.records("production"))
        assert first is not None
        world.bring(first, "rollback")
        assert world.images.tags["api", "latest"] == world.images.tags["api", "main-0000001"]

    def test_a_run_by_hand_leaves_a_shared_registry_s_latest_alone(self, world: World) -> None:
        world.shared_registry = True
        world.run()
        assert ("api", "latest") not in world.images.tags
        world.ci = True
        world.edit("api/app.py", "second")
        world.run()
        assert ("api", "latest") in world.images.tags

    def test_when_they_cannot_be_moved_it_is_said_and_the_next_run_moves_them(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = world.images.tag

        def tag(repository: str, digest: str, tags: Sequence[str]) -> None:
            if "latest" in tags:
                raise RegistryUnavailable("the registry went away")
            real(repository, digest, tags)

        monkeypatch.setattr(world.images, "tag", tag)
        with pytest.raises(EnvironmentUnusable, match="serves production and is recorded"):
            world.run()
        record = world.state.records("production")[0]
        assert (record.outcome, record.running) == ("healthy", "main-0000001")
        monkeypatch.undo()
        assert world.run(same_commit=True).outcome == "healthy"
        assert world.images.tags["api", "latest"] == world.images.tags["api", "main-0000001"]

    def test_a_restore_is_reported_as_one_when_they_cannot_be_moved(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.run()
        world.wrong["main-0000002"] = "500"
        world.edit("api/app.py", "broken")

        def gone(*_: object) -> None:
            raise RegistryUnavailable("the registry went away")

        monkeypatch.setattr("windlass.steps.roll_out.move_tags", gone)
        assert world.run().exit_code == ExitCode.RESTORED
        assert [e for e in world.events if isinstance(e, Notice) and "stayed behind" in e.text]


class TestGoingBack:
    @pytest.fixture
    def serving(self, world: World) -> World:
        world.run()
        world.edit("api/app.py", "second")
        return world

    @pytest.mark.parametrize(
        "trouble", ["never ready", "crash loop", "check fails", "missing image", "errors after the switch"]
    )
    def test_a_release_that_does_not_become_healthy_is_replaced_by_the_last_one(
        self, serving: World, trouble: str
    ) -> None:
        serving.target.troubles["main-0000002"] = trouble  # type: ignore[assignment]
        delivery = serving.run()
        assert delivery.outcome == "restored"
        assert delivery.exit_code == ExitCode.RESTORED
        record = serving.state.records("production")[0]
        assert (record.outcome, record.running, record.release.id) == ("restored", "main-0000001", "main-0000002")
        assert {state.release for state in serving.target.running.values() if state.service == "api"} == {
            "main-0000001"
        }

    def test_a_failing_check_brings_the_last_release_back_and_verifies_it(self, serving: World) -> None:
        serving.wrong["main-0000002"] = "503 Service Unavailable"
        delivery = serving.run()
        assert delivery.exit_code == ExitCode.RESTORED
        assert delivery.rollout is not None and delivery.rollout.checks[0].passed
        assert "503 Service Unavailable" in str(delivery.rollout.failure)

    def test_what_the_failed_containers_said_is_kept(self, serving: World) -> None:
        serving.target.troubles["main-0000002"] = "crash loop"
        delivery = serving.run()
        assert delivery.rollout is not None and delivery.rollout.evidence is not None
        kept = Path(delivery.rollout.evidence)
        assert (kept / "api.log").read_text() == "crash loop\nlast log line\n"
        assert (kept / "api.log").stat().st_mode & 0o077 == 0

    def test_when_going_back_fails_too_it_is_said(self, serving: World) -> None:
        serving.wrong.update({"main-0000001": "500", "main-0000002": "500"})
        delivery = serving.run()
        assert delivery.exit_code == ExitCode.RESTORE_FAILED
        record = serving.state.records("production")[0]
        assert (record.outcome, record.running) == ("failed", "main-0000001")  # it serves, unwell as it may be
        assert "main-0000001 runs now" in record.reason

    def test_a_first_release_has_nothing_to_go_back_to(self, world: World) -> None:
        world.wrong["main-0000001"] = "500"
        assert world.run().exit_code == ExitCode.NOTHING_TO_RESTORE

    def test_a_rollback_that_somebody_wants_is_not_watched_and_left_again(self, serving: World) -> None:
        serving.run()
        serving.target.troubles["main-0000001"] = "errors after the switch"
        delivery = serving.roll_back()
        assert delivery.outcome == "healthy"
        assert serving.state.records("production")[0].running == "main-0000001"

    def test_after_a_failure_the_next_good_commit_is_deployed(self, serving: World) -> None:
        serving.wrong["main-0000002"] = "500"
        serving.run()
        serving.edit("api/app.py", "third")
        delivery = serving.run()
        assert delivery.outcome == "healthy"
        assert running_release(serving.state.records("production")) == delivery.rollout.release  # type: ignore[union-attr]

    def test_what_is_missing_here_touches_nothing_and_leaves_no_record(self, serving: World) -> None:
        serving.target.troubles["main-0000002"] = "missing variable"
        with pytest.raises(ConfigError):
            serving.run()
        assert serving.state.records("production")[0].release.id == "main-0000001"

    def test_an_engine_that_is_gone_leaves_no_record(self, serving: World) -> None:
        serving.target.troubles["main-0000002"] = "engine gone"
        with pytest.raises(EngineUnavailable):
            serving.run()
        assert len(serving.state.records("production")) == 2

    def test_ctrl_c_in_mid_deployment_is_recorded(self, serving: World) -> None:
        serving.target.troubles["main-0000002"] = "interrupted"
        with pytest.raises(KeyboardInterrupt):
            serving.run()
        record = serving.state.records("production")[0]
        assert (record.outcome, record.running) == ("interrupted", "main-0000001")
        serving.target.troubles.clear()
        assert serving.run(same_commit=True).outcome == "healthy"

    @pytest.mark.parametrize("error", [ConfigError("no such suite"), OSError(28, "No space left on device")])
    def test_what_cannot_be_verified_does_not_stay(self, serving: World, error: Exception) -> None:
        serving.unable["main-0000002"] = error
        delivery = serving.run()
        assert delivery.exit_code == ExitCode.RESTORED
        assert "could not be verified" in str(delivery.rollout.failure)  # type: ignore[union-attr]
        assert {state.release for state in serving.target.running.values() if state.service == "api"} == {
            "main-0000001"
        }

    def test_checks_that_cannot_be_asked_are_known_before_anything_is_touched(self, serving: World) -> None:
        serving.unverifiable["main-0000002"] = ConfigError("the variable TOKEN has no value")
        with pytest.raises(ConfigError):
            serving.run()
        assert serving.target.calls == []
        assert serving.state.records("production")[0].release.id == "main-0000001"

    def test_evidence_that_cannot_be_kept_is_not_in_the_way_of_going_back(self, serving: World) -> None:
        serving.target.troubles["main-0000002"] = "crash loop"
        (serving.folder / "evidence").write_text("a file where the folder should be")
        delivery = serving.run()
        assert delivery.exit_code == ExitCode.RESTORED
        assert delivery.rollout is not None and delivery.rollout.evidence is None

    def test_a_running_release_whose_checks_fail_is_not_replaced_by_itself(self, world: World) -> None:
        world.run()
        world.wrong["main-0000001"] = "500"
        delivery = world.run(same_commit=True)
        assert delivery.exit_code == ExitCode.NOTHING_TO_RESTORE
        assert [name for name, _ in world.target.calls] == ["prepare"]


class TestLocking:
    def test_a_held_environment_is_not_touched(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        release = world.run().rollout.release  # type: ignore[union-attr]
        world.state.admit(release, "deploy", release.id)
        world.edit("api/app.py", "second")
        with pytest.raises(Locked):
            world.run()
        assert "switch" not in [name for name, _ in world.target.calls]

    def test_a_target_that_saw_a_newer_deployment_gives_the_environment_back(self, world: World) -> None:
        world.run()
        world.target.sequence += 1000
        world.edit("api/app.py", "second")
        with pytest.raises(Locked):
            world.run()
        record = world.state.records("production")[0]
        assert (record.outcome, record.running, record.lease) == ("failed", "main-0000001", None)


class TestRollback:
    def test_back_and_further_back_without_building(self, world: World) -> None:
        for text in ("one", "two", "three"):
            world.edit("api/app.py", text)
            world.run()
        for expected in ("main-0000002", "main-0000001"):
            release = first_way_back(world.state.records("production"))
            assert release is not None and release.id == expected
            delivery = world.bring(release, "rollback")
            assert delivery.outcome == "healthy"
            assert world.built == []
        assert first_way_back(world.state.records("production")) is None
