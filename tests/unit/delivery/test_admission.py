"""Freeze windows, approvals and promotion hold a deployment back; nothing holds back a rollback. One deployer at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from tests.unit.delivery.world import World
from windlass.delivery import deploy
from windlass.errors import EngineUnavailable, EnvironmentUnusable, ExitCode, Held, Refused, UsageError
from windlass.model.events import Notice
from windlass.model.observation import ServiceState
from windlass.model.release import Lease, Record
from windlass.model.rules import ApprovalRule, Freeze, Person
from windlass.state import lease
from windlass.state.interface import running_release
from windlass.steps.named import Named
from windlass.testing.target import FakeTarget

ALWAYS = Freeze("date", 0, date(2999, 1, 1).toordinal() * 1440, "Europe/Berlin", "the fair")
ADA, BOB, EVE = (Person(name, f"{name.lower()}@example.org") for name in ("Ada", "Bob", "Eve"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """main-0000001 serves production; commit 2 is another one."""
    world = World(tmp_path, targets={"staging": FakeTarget()})
    world.run()
    world.edit("api/app.py", "second")
    for number in range(1, 9):
        world.state.approvals.people[f"{number:07d}" + "0" * 33] = (ADA,)
    return world


def serving(world: World, environment: str = "production") -> str | None:
    release = running_release(world.state.records(environment))
    return release.id if release else None


def said(world: World) -> str:
    return "\n".join(event.text for event in world.events if isinstance(event, Notice))


class TestFreeze:
    @pytest.fixture
    def world(self, world: World) -> World:
        world.change("production", freeze=(ALWAYS,))
        return world

    def test_a_run_builds_and_publishes_and_deploys_nothing(self, world: World) -> None:
        delivery = world.run()
        assert (delivery.outcome, delivery.exit_code) == ("refused", ExitCode.REFUSED)
        assert ("api", "main-0000002") in world.images.tags
        assert serving(world) == "main-0000001"
        for word in ("no deployments until", "Europe/Berlin", "the fair"):
            assert word in str(delivery.refusal)
        assert "takes no deployments until" in said(world)  # before anything was built

    def test_neither_does_a_promotion(self, world: World) -> None:
        world.run("staging")
        with pytest.raises(Refused, match="no deployments until"):
            world.promote()

    def test_other_environments_go_on(self, world: World) -> None:
        assert world.run("staging").outcome == "healthy"

    def test_a_rollback_goes_on(self, world: World) -> None:
        world.change("production", freeze=())
        world.run()
        world.change("production", freeze=(ALWAYS,), approvals=ApprovalRule(2))
        assert world.roll_back().outcome == "healthy"
        assert serving(world) == "main-0000001"

    def test_what_serves_already_may_be_repaired(self, world: World) -> None:
        world.edit("api/app.py", "api")
        world.commits = 0
        del world.target.running["api"]
        assert world.run().outcome == "healthy"
        assert "api" in world.target.running

    def test_a_time_zone_that_nobody_knows_is_said_before_anything_is_built(self, world: World) -> None:
        world.change("production", freeze=(Freeze("day", 0, 60, "Mars/Olympus"),))
        with pytest.raises(EnvironmentUnusable, match="Mars/Olympus"):
            world.run()
        assert world.built == []


class TestApprovals:
    @pytest.fixture
    def world(self, world: World) -> World:
        world.change("production", approvals=ApprovalRule(1, ("bob@example.org", "Eve", "Ada")))
        return world

    def approve(self, world: World, *people: Person) -> None:
        waiting = next(one.release for one in world.state.approvals.entries("production") if one.proposed)
        for person in people:
            world.state.approvals.person = person
            world.state.approvals.approve(waiting)

    def test_without_them_a_release_is_refused_and_waits(self, world: World) -> None:
        delivery = world.run()
        assert delivery.exit_code == ExitCode.REFUSED
        assert "0 of 1 approvals; it needs 1 more approval, of bob@example.org or Eve" in str(delivery.refusal)
        assert "windlass approve production main-0000002" in str(delivery.refusal.remedy)  # type: ignore[union-attr]
        assert serving(world) == "main-0000001"
        world.run(same_commit=True)
        assert [one.release.id for one in world.state.approvals.entries("production")] == ["main-0000002"]

    def test_with_one_it_is_deployed(self, world: World) -> None:
        world.run()
        self.approve(world, BOB)
        assert world.run(same_commit=True).outcome == "healthy"

    def test_the_author_s_own_does_not_count(self, world: World) -> None:
        world.run()
        self.approve(world, ADA)
        assert world.run(same_commit=True).exit_code == ExitCode.REFUSED

    def test_nor_does_somebody_else_s(self, world: World) -> None:
        world.run()
        self.approve(world, Person("Mallory", "mallory@example.org"))
        assert world.run(same_commit=True).exit_code == ExitCode.REFUSED

    def test_twice_the_same_person_is_one(self, world: World) -> None:
        world.change("production", approvals=ApprovalRule(2))
        world.run()
        self.approve(world, BOB, BOB)
        assert "1 of 2 approvals (Bob at" in str(world.run(same_commit=True).refusal)
        self.approve(world, EVE)
        assert world.run(same_commit=True).outcome == "healthy"

    def test_another_image_of_the_same_commit_needs_its_own(self, world: World) -> None:
        world.run()
        self.approve(world, BOB)
        world.builder.packages = "newer"
        assert world.run(same_commit=True, rebuild=["api"]).exit_code == ExitCode.REFUSED

    def test_a_release_that_comes_in_a_freeze_is_approved_meanwhile(self, world: World) -> None:
        world.change("production", freeze=(ALWAYS,))
        world.run()
        self.approve(world, BOB)
        world.change("production", freeze=())
        assert world.run(same_commit=True).outcome == "healthy"

    def test_what_waited_is_deployed_by_its_name(self, world: World) -> None:
        world.run()
        self.approve(world, BOB)
        environment = world.project.environment("production")
        choose = Named("main-0000002", environment, world.tools)
        done = deploy(choose, "deploy", environment, world.tools, world.events.append)
        assert (done.outcome, serving(world)) == ("healthy", "main-0000002")

    def test_a_name_that_nothing_has_is_said(self, world: World) -> None:
        with pytest.raises(UsageError, match="production has no release 'main-9999999'"):
            Named("main-9999999", world.project.environment("production"), world.tools)(())

    def test_an_approval_that_was_taken_back_does_not_count_until_it_is_given_again(self, world: World) -> None:
        world.run()
        self.approve(world, EVE)
        waiting = world.state.approvals.entries("production")[0].release
        world.state.approvals.withdraw(waiting)
        assert "0 of 1 approvals" in str(world.run(same_commit=True).refusal)
        self.approve(world, EVE)
        assert world.run(same_commit=True).outcome == "healthy"

    def test_taking_an_approval_back_leaves_those_of_others(self, world: World) -> None:
        world.run()
        self.approve(world, EVE, BOB)
        world.state.approvals.withdraw(world.state.approvals.entries("production")[0].release)
        assert world.run(same_commit=True).outcome == "healthy"

    def test_a_promotion_needs_them_too_and_is_then_what_was_approved(self, world: World) -> None:
        world.run("staging")
        with pytest.raises(Refused, match="0 of 1 approvals"):
            world.promote()
        self.approve(world, EVE)
        assert world.promote().outcome == "healthy"

    def test_of_a_commit_that_is_not_here_nobody_knows_the_author(self, world: World) -> None:
        world.state.approvals.people.clear()
        with pytest.raises(EnvironmentUnusable, match="not in this clone"):
            world.run()


class TestPromotion:
    @pytest.fixture
    def world(self, world: World) -> World:
        """develop-0000002 serves staging."""
        world.run("staging")
        return world

    def test_the_very_digests_of_staging_go_to_production(self, world: World) -> None:
        delivery = world.promote()
        digests = {
            name: {s.name: s.digest for s in running_release(world.state.records(name)).services}  # type: ignore[union-attr]
            for name in ("staging", "production")
        }
        assert delivery.outcome == "healthy"
        assert digests["staging"] == digests["production"]
        assert world.state.records("production")[0].kind == "promote"
        assert ("api", "main-0000002") in world.images.tags

    def test_what_did_not_pass_its_checks_there_is_refused(self, world: World) -> None:
        world.edit("api/app.py", "third")
        world.target = world.targets["staging"]
        world.wrong |= {"develop-0000003": "500", "develop-0000002": "500"}
        world.run("staging")
        with pytest.raises(
            Refused, match="staging runs no verified release; its last attempt, develop-0000003, is failed"
        ):
            world.promote()

    def test_after_a_restore_what_was_verified_again_is_promoted(self, world: World) -> None:
        world.edit("api/app.py", "third")
        world.wrong["develop-0000003"] = "500"
        world.run("staging")
        world.promote()
        assert serving(world) == "main-0000002"

    def test_an_interrupted_deployment_there_is_refused(self, world: World) -> None:
        world.edit("api/app.py", "third")
        world.targets["staging"].troubles["develop-0000003"] = "interrupted"
        with pytest.raises(KeyboardInterrupt):
            world.run("staging")
        with pytest.raises(Refused, match="is interrupted"):
            world.promote()

    @pytest.mark.parametrize(
        ("happens", "words"),
        [
            (lambda running: running.pop("web"), "web: missing"),
            (
                lambda running: running.update(api=replace(running["api"], digest="sha256:" + "0" * 64)),
                "api: another image",
            ),
            (lambda running: running.update(api=replace(running["api"], health="unhealthy")), "api: unhealthy"),
        ],
    )
    def test_what_was_changed_by_hand_since_is_refused(
        self, world: World, happens: Callable[[object], object], words: str
    ) -> None:
        happens(world.targets["staging"].running)
        with pytest.raises(Refused, match=f"does not run any more what was verified as develop-0000002: {words}"):
            world.promote()
        assert serving(world) == "main-0000001"

    def test_what_runs_and_is_not_built_here_is_looked_at_as_well(self, world: World) -> None:
        staging = world.targets["staging"]
        staging.running["db"] = ServiceState("db", "exited")
        with pytest.raises(Refused, match="develop-0000002: db: exited"):
            world.promote()
        del staging.running["db"]
        staging.missing = ("db",)
        with pytest.raises(Refused, match="develop-0000002: db: missing"):
            world.promote()

    def test_an_engine_that_cannot_be_asked_is_said(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        def away() -> None:
            raise EngineUnavailable("nobody there")

        monkeypatch.setattr(world.targets["staging"], "observe", away)
        assert world.promote().outcome == "healthy"
        assert "could not be looked at: nobody there" in said(world)

    def test_another_release_than_the_one_asked_for_is_refused(self, world: World) -> None:
        with pytest.raises(Refused, match="staging runs develop-0000002, not develop-0000001"):
            world.promote("develop-0000001")
        assert world.promote("develop-0000002").outcome == "healthy"

    def test_what_failed_in_production_is_refused_there(self, world: World) -> None:
        world.wrong["main-0000002"] = "500"
        assert world.promote().exit_code == ExitCode.RESTORED
        tags = dict(world.images.tags)
        with pytest.raises(Refused, match="main-0000002 is in quarantine"):
            world.promote()
        assert world.images.tags == tags
        world.wrong.clear()
        assert world.promote(retry=True).outcome == "healthy"


class TestTurns:
    @pytest.fixture
    def held(self, world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
        """Somebody on another machine is at work; returns what ends it."""
        monkeypatch.setattr(lease, "take", _elsewhere(lease.take))
        release = world.state.records("production")[0].release
        record = world.state.admit(release, "deploy", release.id)
        monkeypatch.undo()
        return lambda: _settle(world, record)

    def test_a_run_ends_before_it_builds_and_names_the_holder(self, world: World, held: Callable[[], None]) -> None:
        with pytest.raises(Held, match="production is being changed by") as refused:
            world.run()
        assert refused.value.exit_code == ExitCode.LOCKED
        assert world.built == []

    def test_other_environments_and_builds_go_on(self, world: World, held: Callable[[], None]) -> None:
        assert world.run("staging").outcome == "healthy"
        assert world.run(None).outcome == "published"

    def test_who_waits_builds_meanwhile_and_deploys_in_turn(self, world: World, held: Callable[[], None]) -> None:
        world.clock.then(60.0, held)
        delivery = world.run(wait=600.0)
        assert delivery.outcome == "healthy"
        assert world.clock.now() >= 60.0
        assert "waiting: production is being changed by" in said(world)

    def test_who_has_waited_long_enough_ends_as_who_does_not(self, world: World, held: Callable[[], None]) -> None:
        with pytest.raises(Held):
            world.run(wait=30.0)
        assert 30.0 <= world.clock.now() < 31.0
        assert world.target.calls == []

    def test_a_rollback_waits_and_then_looks_again(self, world: World, held: Callable[[], None]) -> None:
        def another() -> None:
            held()
            world.run()

        world.clock.then(20.0, another)
        world.roll_back(wait=60.0)
        assert serving(world) == "main-0000001"


def _settle(world: World, record: Record) -> None:
    world.state.settle(record, "healthy", running=record.release.id, reason="", evidence=None)


def _elsewhere(take: Callable[[datetime], Lease]) -> Callable[[datetime], Lease]:
    return lambda now: replace(take(now), machine="another-boot/1")
