"""What is watched after a switch: also what no edge leads to, and what came first."""

from __future__ import annotations

from typing import Any

import pytest

from windlass import process
from windlass.deploy.docker import engine
from windlass.errors import DeploymentFailed
from windlass.model.project import EdgeSpec
from windlass.waiting import wait_for

COMPOSE = """
services:
  web:
    build: .
    command: sh -c "echo {version}; until [ -e /tmp/go ]; do sleep 0.1; done; exit 3"
    stop_signal: SIGKILL
    {more}
"""
EDGE = EdgeSpec(drain=1.0, watch=20.0)
BEHIND, IN_PLACE = 'expose: ["80"]', 'tmpfs: ["/tmp"]\n    volumes: ["/var/kept"]'


def test_what_was_switched_to_by_one_who_was_interrupted_is_watched(world: Any) -> None:
    made = world.release("r1", world.write({"compose.yml": COMPOSE.format(version="r1", more=BEHIND)}), web="1")
    world.deploy(world.target(edge=EdgeSpec(drain=1.0, watch=0.0)), made)
    target = world.target(edge=EDGE)  # another process
    prepared = target.prepare(made, world.events.append)
    assert prepared.nothing_to_do
    deployed = target.switch(target.check(prepared, world.events.append, 2), 2, world.events.append)
    serving = world.containers(target)["web"]
    process.run(["docker", "exec", serving, "touch", "/tmp/go"], check=True)
    with pytest.raises(DeploymentFailed, match="web: it is exited after the switch"):
        target.watch(deployed, world.events.append)


@pytest.mark.parametrize(
    ("edge", "more", "releases"),
    [
        pytest.param(None, BEHIND, ("r1",), id="the first without an edge"),
        pytest.param(None, BEHIND, ("r1", "r2"), id="without an edge"),
        pytest.param(EDGE, IN_PLACE, ("r1", "r2"), id="stopped and started"),
        pytest.param(EDGE, BEHIND, ("r1",), id="the first behind an edge"),
    ],
)
def test_what_ends_right_after_the_switch_fails(
    world: Any, edge: EdgeSpec | None, more: str, releases: tuple[str, ...]
) -> None:
    target = world.target(edge=edge)
    for number, id in enumerate(releases, 1):
        made = world.release(id, world.write({"compose.yml": COMPOSE.format(version=id, more=more)}), web=str(number))
        prepared = target.prepare(made, world.events.append)
        deployed = target.switch(target.check(prepared, world.events.append, number), number, world.events.append)
    serving = world.containers(target)["web"]
    process.run(["docker", "exec", serving, "touch", "/tmp/go"], check=True)
    wait_for(
        lambda: {c.id: c.status for c in engine.containers(target.name)}[serving],
        lambda status: status == "exited",
        seconds=30,
    )
    with pytest.raises(DeploymentFailed, match="web: it is exited after the switch") as failure:
        target.watch(deployed, world.events.append)
    assert any(releases[-1] in line for line in failure.value.evidence["web"])
