"""An edge that somebody stopped or removed is said to be missing, and comes back with the next deployment of what runs."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.deploy.serving import get
from tests.engine.deploy.test_edge import QUICK, release
from windlass import process
from windlass.deploy.docker import engine
from windlass.deploy.docker.edge.client import EdgeClient, script
from windlass.errors import DeploymentFailed

CALLER = """
services:
  web:
    build: .
    stop_signal: SIGKILL
    command: ["sh", "-c", "wget -q -O /dev/null http://api:81/passwd && exec httpd -f -p 80 -h /etc"]
    restart: always
    ports: ["{port}:80"]
    depends_on: {{api: {{condition: service_healthy}}}}
  api:
    build: .
    stop_signal: SIGKILL
    command: httpd -f -p 81 -h /etc
    expose: ["81"]
    healthcheck: {{test: ["CMD", "true"], interval: 1s}}
"""


def test_services_that_call_each_other_when_they_start_do_so_after_an_edge_that_could_not_start(
    world: Any, port: Callable[[], int]
) -> None:
    target, at = world.target(edge=QUICK), port()
    first = world.release("r1", world.write({"compose.yml": CALLER.format(port=at)}), web="1", api="1")
    with socket.create_server(("0.0.0.0", at)), pytest.raises(DeploymentFailed, match=str(at)):
        world.deploy(target, first)
    assert [c.status for c in engine.containers(target.name) if c.edge and c.status != "running"]
    world.deploy(target, first, 2)
    assert {state.service: state.well for state in target.observe().services} == {"web": True, "api": True}
    assert all(c.status == "running" for c in engine.containers(target.name))


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


def test_a_place_that_it_leads_to_and_that_nobody_remembers_is_emptied(world: Any, port: Callable[[], int]) -> None:
    """As whoever is killed while an edge is told may leave it."""
    target, at = world.target(edge=QUICK), port()
    world.deploy(target, release(world, "r1", f"{at}:8080"))
    told = 0
    for edge in [c for c in engine.containers(target.name) if c.edge]:
        places = [
            name for name in EdgeClient(edge.id).servers() if name.startswith("web_8080") and name.endswith("/s4")
        ]
        words = script([f"set server {name} state ready" for name in places])
        process.run(["docker", "exec", "--interactive", edge.id, "sh", "-s"], input=words, check=True)
        told += sum(EdgeClient(edge.id).servers()[name].ready for name in places)
    assert told
    world.deploy(target, release(world, "r2", f"{at}:8080", web="2"), 2)
    assert get(at) == "2"
    assert target.prepare(release(world, "r2", f"{at}:8080", web="2"), world.events.append).nothing_to_do
