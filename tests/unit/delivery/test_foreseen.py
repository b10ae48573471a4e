"""What a plan says of the deployment that would follow it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.delivery.world import World
from windlass.errors import EngineUnavailable
from windlass.model.source import Source
from windlass.steps.foreseeing import Foreseen, foresee

NEXT = Source("9" * 40, "8" * 40, "main", False, 0)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def foreseen(world: World) -> Foreseen:
    tools, production = world.tools, world.project.environment("production")
    return foresee(tools.plan(NEXT, "production"), production, tools)


def test_nothing_is_foreseen_where_nothing_runs(world: World) -> None:
    assert foreseen(world) == Foreseen()


def test_what_is_built_is_replaced_and_the_rest_stays(world: World) -> None:
    world.run()
    assert foreseen(world) == Foreseen()
    world.files["web/app.py"] = "another"
    said = foreseen(world)
    assert [(change.service, change.action) for change in said.changes] == [("web", "recreate")]
    assert said.noticed == ()


def test_what_users_would_notice_is_told_apart(world: World) -> None:
    world.run()
    world.target.single = ("web",)
    world.files["lib/kit.py"] = "another"
    said = foreseen(world)
    assert {change.service for change in said.changes} == {"api", "web"}
    assert [change.service for change in said.noticed] == ["web"]


def test_a_service_that_cannot_be_planned_is_not_said_to_go(world: World) -> None:
    world.run()
    world.files["web/Dockerfile"] = "COPY nothing before any FROM\n"
    assert foreseen(world).changes == ()


def test_an_engine_that_does_not_answer_leaves_it_open(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise EngineUnavailable("the container engine does not answer", remedy="start it")

    monkeypatch.setattr(world.target, "observe", gone)
    assert "does not answer" in foreseen(world).unknown


def test_looking_ahead_touches_nothing(world: World) -> None:
    world.run()
    world.files["web/app.py"] = "another"
    world.target.calls.clear()
    before, records = world.target.observe(), world.state.records("production")
    foreseen(world)
    assert world.target.observe() == before
    assert world.state.records("production") == records
    assert [name for name, _ in world.target.calls] == ["prepare"]
