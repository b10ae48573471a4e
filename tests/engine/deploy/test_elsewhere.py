"""Two machines deploy to one engine: each has a folder of its own, and what counts is what is on the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.engine.deploy.serving import SERVER, get
from windlass.deploy.docker import engine
from windlass.errors import Locked
from windlass.model.project import EdgeSpec

COMPOSE = """
services:
  web:
    image: python:3.12-slim
    command: python /app/server.py
    environment: {{VERSION: "{version}"}}
    ports: ["{port}:8080"]
    volumes: ["./app:/app:ro"]
    stop_grace_period: 1s
"""
QUICK = EdgeSpec(drain=1.0, watch=0.0)


def release(world: Any, version: str, port: int) -> Any:
    files = {"compose.yml": COMPOSE.format(version=version, port=port), "app/server.py": SERVER}
    return world.release(version, world.write(files))


def plain(world: Any, version: str, port: int) -> Any:
    """Without files: copies of these are in a folder of each machine."""
    text = COMPOSE.format(version=version, port=port).replace('["./app:/app:ro"]', "[]")
    return world.release(version, world.write({"compose.yml": text.replace("/app/server.py", "-m http.server 8080")}))


@pytest.fixture
def other(world: Any, tmp_path: Path) -> Any:
    """The same project and repository, on another machine."""
    return replace(world, home=tmp_path / "elsewhere")


@pytest.mark.parametrize("edge", [QUICK, None])
def test_who_is_late_changes_nothing_of_what_another_machine_deployed_since(
    world: Any, other: Any, port: Callable[[], int], edge: EdgeSpec | None
) -> None:
    at = port()
    here, there = world.target(edge=edge), other.target(edge=edge)
    first, late = release(world, "r1", at), release(world, "r2", at)
    world.deploy(here, first, 3)
    checked = here.check(here.prepare(late, world.events.append), world.events.append, 5)
    other.deploy(there, release(world, "r3", at), 7)
    before = {c.id for c in engine.containers(there.name) if c.service == "web" and c.id in other.containers(there).values()}  # fmt: skip

    with pytest.raises(Locked, match="number 7"):
        here.switch(checked, 5, world.events.append)
    with pytest.raises(Locked, match="number 7"):
        here.restore(first, 5, world.events.append)
    with pytest.raises(Locked, match="number 7"):
        here.check(here.prepare(late, world.events.append), world.events.append, 6)
    assert get(at) == "r3"
    assert set(other.containers(there).values()) == before

    world.deploy(here, late, 8)
    assert get(at) == "r2"
    with pytest.raises(Locked, match="number 8"):
        there.restore(release(world, "r3", at), 7, world.events.append)


def test_what_another_machine_has_deployed_is_seen_from_here(world: Any, other: Any, port: Callable[[], int]) -> None:
    at = port()
    here, there = world.target(edge=QUICK), other.target(edge=QUICK)
    world.deploy(here, plain(world, "r1", at))
    newer = plain(world, "r2", at)
    other.deploy(there, newer, 2)
    serving = there.observe().service("web")
    seen = here.observe().service("web")
    assert seen is not None
    assert serving is not None
    assert seen.container == serving.container
    prepared = here.prepare(newer, world.events.append)
    assert prepared.nothing_to_do, prepared.changes
    assert here.differences(prepared) == {}


def test_an_environment_that_was_taken_down_may_begin_anew(world: Any, other: Any, port: Callable[[], int]) -> None:
    at = port()
    here, there = world.target(edge=QUICK), other.target(edge=QUICK)
    world.deploy(here, release(world, "r1", at), 9)
    engine.remove([c.id for c in engine.containers(here.name)])
    other.deploy(there, release(world, "r2", at), 1)
    assert get(at) == "r2"
