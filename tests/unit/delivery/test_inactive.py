"""Services that a release has an image of, and that the environment does not run: their profile is not active there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.delivery.world import World
from windlass.model.project import HealthCheck
from windlass.state.documents import record_from_json, record_to_json
from windlass.state.interface import running_release
from windlass.steps.running import running_now
from windlass.testing.target import FakeTarget
from windlass.verify.selection import checks_for


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, target=FakeTarget(inactive=("batch",)), targets={"staging": FakeTarget(inactive=("batch",))})


def test_they_are_published_and_recorded_as_inactive(world: World) -> None:
    assert world.run().outcome == "healthy"
    release = running_release(world.state.records("production"))
    assert release is not None
    assert [one.name for one in release.services] == ["api", "web", "batch"]
    assert [one.name for one in release.active] == ["api", "web"]


def test_a_record_keeps_them(world: World) -> None:
    world.run()
    record = world.state.records("production")[0]
    assert record_from_json(record_to_json(record), "here").release.inactive == ("batch",)


def test_what_runs_is_a_whole_release_without_them(world: World) -> None:
    world.run()
    release = running_release(world.state.records("production"))
    assert release is not None
    seen = running_now(world.target, (release,), world.clock)
    assert (seen.release, seen.well) == (release, True)


def test_they_are_held_to_no_check(world: World) -> None:
    services = tuple(replace(one, health=(HealthCheck(one.name, 80, "/"),)) for one in world.project.services)
    world.project = replace(world.project, services=services)
    world.run()
    release = running_release(world.state.records("production"))
    assert release is not None
    assert [check.service for check in checks_for(world.project, release)] == ["api", "web"]


def test_they_are_no_reason_to_refuse_a_promotion(world: World) -> None:
    world.run("staging")
    assert world.promote().outcome == "healthy"


def test_they_run_where_their_profile_is_active(world: World) -> None:
    world.target = FakeTarget()
    world.run("staging")
    assert world.promote().outcome == "healthy"
    release = running_release(world.state.records("production"))
    assert release is not None and release.inactive == ()
    assert "batch" in world.target.running
