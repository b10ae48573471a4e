"""Another number of containers of a service, while users ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.deploy.serving import SERVER, Load, fresh, get, keeping
from windlass.deploy.docker import engine
from windlass.errors import DeploymentFailed
from windlass.model.project import EdgeSpec

MANY = """
services:
  web:
    image: python:3.12-slim
    command: python /app/server.py
    environment: {{VERSION: "1"}}
    ports: ["{port}:8080"]
    deploy: {{replicas: {count}}}
    volumes: ["./app:/app:ro"]
    stop_grace_period: 5s
{rest}"""
FAILS = """  bad:
    image: busybox:1
    command: sh -c "sleep 0.3; exit 1"
    restart: always
"""


def release(world: Any, id: str, port: int, count: int, rest: str = "") -> Any:
    text = MANY.format(port=port, count=count, rest=rest)
    return world.release(id, world.write({"compose.yml": text, "app/server.py": SERVER}))


def test_fewer_and_more_and_fewer_again_drop_no_request(world: Any, port: Callable[[], int]) -> None:
    target, at = world.target(edge=EdgeSpec(drain=10.0, watch=0.5)), port()
    three, one = release(world, "r1", at, 3), release(world, "r2", at, 1)
    world.deploy(target, three)
    before = ids(target)
    assert len(before) == 3
    clients = [*(keeping(at) for _ in range(2)), *(fresh(at) for _ in range(2)), fresh(at, "/slow")]
    with Load().running(*clients) as load:
        with pytest.raises(DeploymentFailed, match="bad"):
            world.deploy(target, release(world, "r3", at, 1, FAILS), 2)
        target.restore(three, 3, world.events.append)
        assert ids(target) == before
        (change,) = [c for c in target.prepare(one, world.events.append).changes if c.service == "web"]
        assert (change.reason, change.noticed) == ("it has 3 containers, not 1", False)
        world.deploy(target, one, 4)
        assert len(serving(target)) == 1
        target.restore(three, 5, world.events.append)
        assert serving(target) == before
    assert load.failures == []
    assert load.total > 100
    assert get(at) == "1"


def ids(target: Any) -> set[str]:
    return {c.id for c in engine.containers(target.name) if c.service == "web" and c.status == "running"}


def serving(target: Any) -> set[str]:
    """The containers that the edge itself says it leads to."""
    return {c.id for c in target._site.board(ask=True).serving("web")}
