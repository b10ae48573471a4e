"""Containers and edges that somebody removed by hand: what is said of them, and how a service becomes one that runs once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.deploy.serving import get
from tests.engine.deploy.test_edge import QUICK, release
from windlass import process
from windlass.deploy.docker import engine
from windlass.deploy.interface import LogLine
from windlass.errors import DeploymentFailed
from windlass.model.project import EdgeSpec
from windlass.waiting import wait_for

JOB = """
  mig:
    image: busybox:1
    command: sh -c "echo it ran"
"""
SERVED = """
  mig:
    image: busybox:1
    command: httpd -f -p 8070 -h /etc
    ports: ["{port}:8070"]
"""


def remove(target: Any, chosen: Callable[[Any], bool]) -> None:
    engine.remove([c.id for c in engine.containers(target.name) if chosen(c)])


@pytest.mark.parametrize("edge", [QUICK, None])
def test_a_service_without_a_container_is_missing_and_one_that_ran_once_is_not(
    world: Any, port: Callable[[], int], edge: EdgeSpec | None
) -> None:
    target, at = world.target(edge=edge), port()
    made = release(world, "r1", f"{at}:8080", rest=JOB)
    world.deploy(target, made)
    assert target.observe().missing == ()
    remove(target, lambda c: c.service in ("web", "mig"))
    assert target.observe().missing == ("web",)
    elsewhere = world.target(edge=edge)  # as another command sees it
    assert elsewhere.observe().missing == ("web",)
    world.deploy(target, made, 2)
    assert target.observe().missing == ()
    world.deploy(target, release(world, "r2", f"{at}:8080"), 3)
    remove(target, lambda c: c.service == "mig")
    assert target.observe().missing == ()


def test_what_no_edge_leads_to_is_there_and_unwell(world: Any, port: Callable[[], int]) -> None:
    target, at = world.target(edge=QUICK), port()
    made = release(world, "r1", f"{at}:8080")
    world.deploy(target, made)
    edges = [c for c in engine.containers(target.name) if c.edge]
    for edge in edges:
        process.run(["docker", "pause", edge.id], check=True)
    seen = target.observe().service("web")
    assert (seen.health, seen.detail) == ("unhealthy", "the edge that leads to it is paused")
    remove(target, lambda c: bool(c.edge))
    seen = target.observe().service("web")
    assert (seen.health, seen.detail, seen.ports) == ("unhealthy", "no edge leads to it", ())
    assert target.observe().missing == ()
    world.deploy(target, made, 2)
    assert target.observe().service("web").well and get(at) == "1"


def test_one_that_served_and_runs_once_now_runs_once(world: Any, port: Callable[[], int]) -> None:
    target, at, own = world.target(edge=QUICK), port(), port()
    world.deploy(target, release(world, "r1", f"{at}:8080", rest=SERVED.format(port=own)))
    job = release(world, "r2", f"{at}:8080", rest=JOB)
    (change,) = [c for c in target.prepare(job, world.events.append).changes if c.service == "mig"]
    assert change.noticed and "takes no calls any more" in change.reason
    world.deploy(target, job, 2)
    (ran,) = [c for c in engine.containers(target.name) if c.service == "mig" and not c.beside]
    assert engine.tail(ran.id, 20) == ["it ran"]


def test_what_is_left_of_a_first_release_that_failed_is_shown_and_heard(world: Any, port: Callable[[], int]) -> None:
    target, at = world.target(edge=QUICK), port()
    loops = '  bad:\n    image: busybox:1\n    command: sh -c "echo no database; exit 3"\n    restart: always\n    expose: [80]\n'
    made = release(world, "r1", f"{at}:8080", rest=loops)
    with pytest.raises(DeploymentFailed, match="bad: crash loop"):
        world.deploy(target, made)
    seen = wait_for(  # between two crashes it runs
        lambda: {state.service: state for state in target.observe().services},
        lambda seen: not seen["bad"].well,
        seconds=30,
    )
    assert seen["bad"].restarts >= 3
    assert {state.release for state in seen.values()} == {"r1"}
    lines: list[LogLine] = []
    target.logs("bad", tail=10, follow=False, on_line=lines.append)
    assert "no database" in [line.text for line in lines]
