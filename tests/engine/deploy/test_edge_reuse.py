"""An edge that can do what is wanted stays; and where it cannot, the cut is short."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.deploy.serving import Line, Load, fresh, get, keeping
from tests.engine.deploy.test_edge import QUICK, notices, release
from windlass import process
from windlass.deploy.docker import DockerTarget, engine, naming
from windlass.errors import DeploymentFailed
from windlass.model.project import EdgeSpec
from windlass.waiting import wait_for

MORE = """
  more:
    image: python:3.12-slim
    command: python -m http.server 8081
    ports: ['{port}:8081']
    stop_grace_period: 1s
"""
STORE = MORE.replace("more:", "store:") + "    volumes: ['kept:/data']\nvolumes: {{kept: {{}}}}\n"


def edges(target: DockerTarget) -> list[str]:
    return sorted(c.id for c in engine.containers(target.name) if c.edge and c.status == "running")


def or_nothing(port: int) -> str:
    try:
        return get(port)
    except (OSError, http.client.HTTPException):
        return ""


def test_a_service_that_goes_cuts_nobody_and_its_port_is_closed(world: Any, port: Callable[[], int]) -> None:
    target, at, gone = world.target(edge=QUICK), port(), port()
    more = MORE.format(port=gone)
    world.deploy(target, release(world, "r1", f"{at}:8080", rest=more))
    before = edges(target)
    assert len(before) == 2  # two services listen on one port
    with Load().running(*(client(at) for client in (keeping, fresh, keeping, fresh))) as load:
        without = release(world, "r2", f"{at}:8080")
        prepared = target.prepare(without, world.events.append)
        assert [c.reason.split(",")[0] for c in prepared.changes if c.service == "windlass-edge"] == [
            f"port {gone} closed"
        ]
        world.deploy(target, without, 2)
        assert target.prepare(without, world.events.append).nothing_to_do
        wait_for(lambda: or_nothing(gone), lambda text: not text, seconds=10)
        world.deploy(target, release(world, "r3", f"{at}:8080", rest=more), 3)  # and it comes back as it was
    assert load.failures == []
    assert load.total > 50
    assert edges(target) == before
    assert not any("connections are cut" in text for text in notices(world))
    assert target.endpoint("more", 8081) is not None


@pytest.mark.parametrize("inside", [8081, 8080])  # at an edge with others, and at one of its own
def test_a_service_that_goes_serves_who_still_calls_it_until_the_release_is_retired(
    world: Any, port: Callable[[], int], inside: int
) -> None:
    target, at, gone = world.target(edge=EdgeSpec(drain=20.0, watch=0.5)), port(), port()
    first = release(world, "r1", f"{at}:8080", rest=MORE.format(port=gone).replace("8081", str(inside)))
    without = release(world, "r2", f"{at}:8080", web="2")
    world.deploy(target, first)
    more, before = world.containers(target)["more"], edges(target)

    def switched(sequence: int) -> Any:
        prepared = target.prepare(without, world.events.append)
        return target.switch(target.check(prepared, world.events.append, sequence), sequence, world.events.append)

    with Load().running(fresh(gone), keeping(gone), fresh(at)) as load:
        target.watch(switched(2), world.events.append)
        assert get(at) == "2"
        target.restore(first, 2, world.events.append)
        assert world.containers(target)["more"] == more
        assert get(at) == "1"
        deployed = switched(3)
        target.watch(deployed, world.events.append)
    assert load.failures == []
    assert load.total > 50
    target.retire(deployed, world.events.append)
    wait_for(lambda: or_nothing(gone), lambda text: not text, seconds=10)
    assert "more" not in world.containers(target)
    assert target.prepare(without, world.events.append).nothing_to_do
    wait_for(lambda: [c for c in engine.containers(target.name) if c.id == more], lambda left: not left, seconds=60)
    assert set(edges(target)) <= set(before)
    assert get(at) == "2"


def test_a_port_that_goes_to_a_service_that_runs_in_place_is_given_up(world: Any, port: Callable[[], int]) -> None:
    target, at, moved = world.target(edge=QUICK), port(), port()
    world.deploy(target, release(world, "r1", f"{at}:8080", rest=MORE.format(port=moved)))
    before = edges(target)
    world.deploy(target, release(world, "r2", f"{at}:8080", rest=STORE.format(port=moved)), 2)
    assert "Directory listing" in wait_for(lambda: or_nothing(moved), bool, seconds=30)
    assert get(at) == "1"
    assert edges(target) != before
    assert any(f"port {moved} goes to another service" in text for text in notices(world))


def test_the_cut_of_an_edge_that_is_made_anew_is_told_and_nothing_is_left_of_it(
    world: Any, port: Callable[[], int]
) -> None:
    target, one, two = world.target(edge=QUICK), port(), port()
    world.deploy(target, release(world, "r1", f"{one}:8080"))
    with Load().running(*(fresh(one) for _ in range(4))) as load:
        for turn, ports in enumerate(([one, two], [one], [one, two]), 2):
            world.deploy(target, release(world, f"r{turn}", *(f"{p}:8080" for p in ports)), turn)
            assert len([c for c in engine.containers(target.name) if c.edge]) == 2
    assert get(two) == "1"
    assert any("connections are cut" in text for text in notices(world))
    assert not [failure for failure in load.failures if "status" in failure]


def test_a_port_that_another_environment_no_longer_needs_is_given_up_as_the_message_says(
    world: Any, port: Callable[[], int]
) -> None:
    staging, at, gone, own = world.target(edge=QUICK), port(), port(), port()
    world.deploy(staging, release(world, "r1", f"{at}:8080", rest=MORE.format(port=gone)))
    production = world.target("production", edge=QUICK)
    wanted = release(world, "p1", f"{own}:8080", f"{gone}:7000")
    with pytest.raises(DeploymentFailed, match=f"port {gone} is published by the environment staging"):
        production.prepare(wanted, world.events.append)
    without = release(world, "r2", f"{at}:8080")
    world.deploy(staging, without, 2)
    with pytest.raises(DeploymentFailed, match="where nothing needs it any more") as refused:
        production.prepare(wanted, world.events.append)
    command = (refused.value.remedy or "").partition(",")[0].split()
    assert command[:3] == ["docker", "rm", "--force"]
    process.run(command, check=True)
    assert not staging.prepare(without, world.events.append).nothing_to_do
    world.deploy(staging, without, 3)
    world.deploy(production, wanted)
    assert (get(at), get(own)) == ("1", "1")
    line = Line(gone)
    assert line.say("x") == "1 x"
    line.close()


def test_an_edge_that_was_made_and_never_started_is_cleared_away_and_cuts_nobody(
    world: Any, port: Callable[[], int]
) -> None:
    target, at = world.target(edge=QUICK), port()
    world.deploy(target, release(world, "r1", f"{at}:8080"))
    before = edges(target)
    one = next(c for c in engine.containers(target.name) if c.edge)
    labels = {"com.docker.compose.project": target.name, "com.docker.compose.service": f"{one.key}.0123abcd"}
    words = [f"--label={key}={value}" for key, value in {**labels, naming.EDGE: one.edge}.items()]
    process.run(["docker", "create", *words, "busybox:1"], check=True)
    with Load().running(fresh(at), keeping(at)) as load:
        world.deploy(target, release(world, "r2", f"{at}:8080", web="2"), 2)
    assert load.failures == []
    assert sorted(c.id for c in engine.containers(target.name) if c.edge) == before
