"""Deploying to a real engine."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from typing import Any

from windlass.deploy.docker import DockerTarget
from windlass.model.events import ServiceFinished
from windlass.waiting import wait_for

SERVER = """
services:
  web:
    build: .
    container_name: web-dev
    command: httpd -f -p 80 -h /www
    stop_signal: SIGKILL
    ports: ["{port}:80"]
    volumes: ["./www:/www:ro"]
    healthcheck: {{test: ["CMD", "true"], interval: 30s}}
    depends_on: {{migrate: {{condition: service_completed_successfully}}}}
  api:
    build: .
    command: sleep 1000
    stop_signal: SIGKILL
  migrate:
    image: busybox:1
    command: "true"
"""


def get(target: DockerTarget, service: str = "web") -> str:
    endpoint = target.endpoint(service, 80)
    assert endpoint is not None
    url = f"http://{endpoint.host}:{endpoint.port}/index.html"

    def fetch() -> str:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    return wait_for(fetch, bool, seconds=10)


def server(world: Any, port: int, page: str = "one") -> str:
    return str(world.write({"compose.yml": SERVER.format(port=port), "www/index.html": page}))


def test_a_release_is_deployed_observed_and_reached(world: Any, port: Callable[[], int]) -> None:
    target = world.target()
    release = world.release("r1", server(world, port()), web="1", api="1")
    world.deploy(target, release)
    seen = target.observe()
    assert {state.service: state.health for state in seen.services} == {
        "web": "healthy",
        "api": "running",
        "migrate": "completed",
    }
    web = seen.service("web")
    assert web is not None and web.well
    assert (web.digest, web.release, web.restarts) == (world.images.digests["1"], "r1", 0)
    assert web.since is not None and web.since.startswith("20")
    assert get(target) == "one"
    finished = {e.service: e.outcome for e in world.events if isinstance(e, ServiceFinished)}
    assert finished == {"web": "ok", "api": "ok", "migrate": "ok"}


def test_deploying_the_same_again_changes_nothing(world: Any, port: Callable[[], int]) -> None:
    target = world.target()
    tree = server(world, port())
    world.deploy(target, world.release("r1", tree, web="1", api="1"))
    before = world.containers(target)
    again = world.target()
    prepared = again.prepare(world.release("r2", tree, web="1", api="1"), world.events.append)
    assert prepared.nothing_to_do, prepared.changes
    deployed = again.switch(again.check(prepared, world.events.append), 2, world.events.append)
    assert world.containers(target) == before
    assert {state.release for state in deployed.observation.services} == {"r2"}


def test_a_changed_service_is_recreated_alone(world: Any, port: Callable[[], int]) -> None:
    target = world.target()
    tree = server(world, port())
    world.deploy(target, world.release("r1", tree, web="1", api="1"))
    before = world.containers(target)
    release = world.release("r2", tree, web="1", api="2")
    prepared = target.prepare(release, world.events.append)
    assert {c.service: c.action for c in prepared.changes} == {"web": "keep", "api": "recreate", "migrate": "keep"}
    target.switch(target.check(prepared, world.events.append), 2, world.events.append)
    after = world.containers(target)
    assert after["web"] == before["web"]
    assert after["api"] != before["api"]
    state = target.observe().service("api")
    assert state is not None and state.digest == world.images.digests["2"]
