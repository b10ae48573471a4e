"""What a release no longer has: it serves until that has proved well, and gives way where what is new needs what it holds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.engine.deploy.serving import Load, fresh, get
from tests.engine.deploy.test_edge import QUICK, release
from tests.engine.deploy.test_edge_reuse import MORE, or_nothing
from windlass.deploy.docker import engine
from windlass.deploy.docker.edge.edges import Edges
from windlass.deploy.docker.engine import Docker
from windlass.model.project import EdgeSpec
from windlass.waiting import wait_for

ALONE = """
  {name}:
    image: busybox:1
    command: >-
      sh -c "test ! -e /data/held || exit 9; touch /data/held; trap 'rm /data/held; exit 0' TERM;
      httpd -p 8070 -h /etc; while :; do sleep 0.1; done"
    ports: ["{port}:8070"]
    volumes: ["kept:/data"]
    healthcheck: {{test: ["CMD", "test", "-e", "/data/held"], interval: 1s}}
volumes: {{kept: {{}}}}
"""
BESIDE = """
  {name}:
    image: python:3.12-slim
    command: python /app/server.py
    environment: {{VERSION: "{name}"}}
    ports: ["{port}:{inside}"]
    volumes: ["./app:/app:ro"]
    stop_grace_period: 5s
"""


def slowly(service: str) -> str:
    """The same, where it takes eight seconds to end."""
    ending = service.replace("rm /data/held; exit", "sleep 8; rm /data/held; exit")
    return ending.replace("    healthcheck:", "    stop_grace_period: 60s\n    healthcheck:")


def reason(prepared: Any, service: str) -> str:
    return str(next(change.reason for change in prepared.changes if change.service == service and change.noticed))


def switched(world: Any, target: Any, made: Any, sequence: int) -> Any:
    checked = target.check(target.prepare(made, world.events.append), world.events.append, sequence)
    return target.switch(checked, sequence, world.events.append)


def test_one_with_another_name_and_the_same_volume_never_runs_beside_it(world: Any, port: Callable[[], int]) -> None:
    target, at, one, two = world.target(edge=QUICK), port(), port(), port()
    first = release(world, "r1", f"{at}:8080", rest=ALONE.format(name="db", port=one))
    world.deploy(target, first)
    renamed = release(world, "r2", f"{at}:8080", rest=ALONE.format(name="store", port=two))
    assert "before what is new serves" in reason(target.prepare(renamed, world.events.append), "db")
    world.deploy(target, renamed, 2)  # the second of two at once would have ended
    assert set(world.containers(target)) == {"web", "api", "store"}
    target.restore(first, 3, world.events.append)
    assert set(world.containers(target)) == {"web", "api", "db"}


def test_one_that_comes_back_while_it_still_ends_is_not_taken_for_one_that_stays(
    world: Any, port: Callable[[], int]
) -> None:
    target, at, own = world.target(edge=QUICK), port(), port()
    slow = slowly(ALONE.format(name="db", port=own))
    first = release(world, "r1", f"{at}:8080", rest=slow)
    world.deploy(target, first)
    before = world.containers(target)["db"]
    world.deploy(target, release(world, "r2", f"{at}:8080"), 2)
    assert before in [c.id for c in engine.containers(target.name)]
    world.deploy(target, first, 3)
    assert world.containers(target)["db"] != before
    assert target.prepare(first, world.events.append).nothing_to_do
    assert before not in [c.id for c in engine.containers(target.name)]


def test_one_that_was_being_stopped_by_who_was_interrupted_is_not_taken_for_one_that_stays(
    world: Any, port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    target, at, one, two = world.target(edge=QUICK), port(), port(), port()
    slow = slowly(ALONE.format(name="db", port=one))
    first = release(world, "r1", f"{at}:8080", rest=slow)
    world.deploy(target, first)
    before = world.containers(target)["db"]

    def interrupted(self: Docker, ids: Sequence[str]) -> None:
        self.detach(["docker", "stop", *ids], log=world.home / "stopping.log")  # the engine goes on with it
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Docker, "remove", interrupted)
        world.deploy(target, release(world, "r2", f"{at}:8080", rest=ALONE.format(name="store", port=two)), 2)
    assert before in Edges(world.home / "environments" / target.name / "edge.json").read().stopping
    world.deploy(target, first, 3)
    assert world.containers(target)["db"] != before
    assert before not in [c.id for c in engine.containers(target.name)]


def test_its_port_goes_to_a_service_behind_an_edge(world: Any, port: Callable[[], int]) -> None:
    target, at, moved = world.target(edge=QUICK), port(), port()
    world.deploy(target, release(world, "r1", f"{at}:8080", rest=ALONE.format(name="db", port=moved)))
    new = release(world, "r2", f"{at}:8080", rest=BESIDE.format(name="new", port=moved, inside=8080))
    world.deploy(target, new, 2)
    wait_for(lambda: or_nothing(moved), lambda text: text == "new", seconds=30)
    assert "db" not in world.containers(target)
    assert target.prepare(new, world.events.append).nothing_to_do


def test_it_is_reached_through_an_edge_that_is_made_anew(world: Any, port: Callable[[], int]) -> None:
    target, at, gone, more = world.target(edge=EdgeSpec(drain=20.0, watch=0.5)), port(), port(), port()
    world.deploy(target, release(world, "r1", f"{at}:8080", rest=MORE.format(port=gone)))
    without = release(world, "r2", f"{at}:8080", f"{more}:8080", web="2")
    deployed = switched(world, target, without, 2)
    assert "Directory listing" in get(gone)
    assert get(at, "/peer/more:8081") and get(more) == "2"
    target.watch(deployed, world.events.append)
    target.retire(deployed, world.events.append)
    wait_for(lambda: or_nothing(gone), lambda text: not text, seconds=10)
    assert target.prepare(without, world.events.append).nothing_to_do


@pytest.mark.parametrize("inside", [8090, 8080])  # at an edge with others, and at one of its own
def test_a_request_under_way_to_it_ends_well(world: Any, port: Callable[[], int], inside: int) -> None:
    target, at, gone = world.target(edge=EdgeSpec(drain=60.0, watch=0.5)), port(), port()
    rest = BESIDE.format(name="old", port=gone, inside=inside).replace("VERSION:", f'PORT: "{inside}", VERSION:')
    first = release(world, "r1", f"{at}:8080", rest=rest)
    world.deploy(target, first)
    without = release(world, "r2", f"{at}:8080")
    deployed = switched(world, target, without, 2)
    said: list[str] = []
    asking = threading.Thread(target=lambda: said.append(get(gone, "/slow")))
    asking.start()
    wait_for(lambda: "asked /slow" in _log(target, "old"), bool, seconds=30)
    target.retire(deployed, world.events.append)
    asking.join()
    assert said == ["old"]
    assert target.prepare(without, world.events.append).nothing_to_do  # an edge that is about to go is no change
    again = {change.service: change for change in target.prepare(first, world.events.append).changes}
    assert again["old"].reason == "it was about to go"
    cuts = any("still under way through it are cut" in change.reason and change.noticed for change in again.values())
    assert cuts is (inside == 8080)
    with Load().running(fresh(at)) as load:
        world.deploy(target, first, 3)  # and it comes back at once
    assert load.failures == []
    assert get(gone) == "old"


def _log(target: Any, service: str) -> str:
    return "".join("\n".join(engine.tail(c.id, 20)) for c in engine.containers(target.name) if c.service == service)
