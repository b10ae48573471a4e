"""An edge that somebody stopped or removed is said to be missing, and comes back with the next deployment of what runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.deploy.serving import get
from tests.engine.deploy.test_edge import QUICK, release
from windlass import process
from windlass.deploy.docker import engine


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["docker", "stop", "--time", "1"], ("recreate", "it is exited: nobody reaches web through it")),
        (["docker", "rm", "--force"], ("create", "no edge leads to its containers")),
    ],
)
def test_it_is_made_anew_and_the_services_are_not(
    world: Any, port: Callable[[], int], command: list[str], said: tuple[str, str]
) -> None:
    target, at = world.target(edge=QUICK), port()
    first = release(world, "r1", f"{at}:8080")
    world.deploy(target, first)
    web, edges = world.containers(target)["web"], [c.id for c in engine.containers(target.name) if c.edge]
    process.run([*command, *edges], check=True)
    prepared = target.prepare(first, world.events.append)
    assert not prepared.nothing_to_do
    assert said in [(change.action, change.reason) for change in prepared.changes]
    world.deploy(target, first, 2)
    assert get(at) == "1"
    assert world.containers(target)["web"] == web
    assert target.prepare(first, world.events.append).nothing_to_do
