"""Containers before the switch end when their time is over, with nobody at work, and never one that serves."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.deploy.serving import SERVER, Load, fresh, get, keeping
from windlass.deploy import warm as waiting
from windlass.deploy.docker import DockerTarget, engine
from windlass.deploy.docker.edge.client import EdgeClient
from windlass.deploy.docker.expiry import end_due
from windlass.deploy.docker.fence import Fence
from windlass.deploy.warm import Warm
from windlass.errors import Locked
from windlass.model.project import EdgeSpec
from windlass.waiting import wait_for

COMPOSE = """
services:
  web:
    image: python:3.12-slim
    command: python /app/server.py
    environment: {{VERSION: "{version}"}}
    ports: ["{port}:8080"]
    volumes: ["./app:/app:ro"]
    stop_grace_period: 3s
"""


def release(world: Any, version: str, port: int) -> Any:
    files = {"compose.yml": COMPOSE.format(version=version, port=port), "app/server.py": SERVER}
    return world.release(version, world.write(files))


def there(target: DockerTarget) -> list[str]:
    return [c.id for c in engine.containers(target.name) if c.service == "web"]


def folder(world: Any, target: DockerTarget) -> Path:
    return Path(world.home) / "environments" / target.name


def test_they_end_when_their_time_is_over_and_nobody_has_to_be_there(world: Any, port: Callable[[], int]) -> None:
    target, at = world.target(edge=EdgeSpec(drain=1.0, watch=0.0, warm=30.0)), port()
    world.deploy(target, release(world, "r1", at))
    world.deploy(target, release(world, "r2", at), 2)
    assert len(there(target)) == 2
    wait_for(lambda: there(target), lambda ids: len(ids) == 1, seconds=150, every=1)
    assert get(at) == "r2"
    target.restore(release(world, "r1", at), 3, world.events.append)  # the way back is longer, and there
    assert get(at) == "r1"


def test_one_that_serves_again_stays_and_what_was_before_it_goes_in_its_time(
    world: Any, port: Callable[[], int]
) -> None:
    target, at = world.target(edge=EdgeSpec(drain=1.0, watch=0.0, warm=3600.0)), port()
    world.deploy(target, release(world, "r1", at))
    (first,) = there(target)
    world.deploy(target, release(world, "r2", at), 2)
    kept = Warm(folder(world, target) / "warm.json")
    assert list(kept.read()) == [first]

    prepared = target.prepare(release(world, "r1", at), world.events.append)
    checked = target.check(prepared, world.events.append, 3)  # from here on, it is needed
    assert end_due(folder(world, target), target.name, None, now=lambda: time.time() + 7200) == ()
    target.switch(checked, 3, world.events.append)
    assert get(at) == "r1"
    (second,) = set(there(target)) - {first}
    assert list(kept.read()) == [second]

    # A file that is wrong about who serves ends nobody who does.
    kept.file.write_text(json.dumps({first: 0.0, second: 0.0}))
    assert end_due(folder(world, target), target.name, None) == (second,)
    wait_for(lambda: there(target), lambda ids: ids == [first], seconds=30)
    assert get(at) == "r1"
    again = target.prepare(release(world, "r2", at), world.events.append)
    assert not again.nothing_to_do


def test_a_container_that_is_asked_to_end_between_preparing_and_starting_is_not_counted_on(
    world: Any, port: Callable[[], int]
) -> None:
    target, at = world.target(edge=EdgeSpec(drain=1.0, watch=0.0, warm=3600.0)), port()
    world.deploy(target, release(world, "r1", at))
    (first,) = there(target)
    world.deploy(target, release(world, "r2", at), 2)
    prepared = target.prepare(release(world, "r1", at), world.events.append)
    assert end_due(folder(world, target), target.name, None, now=lambda: time.time() + 7200) == (first,)
    checked = target.check(prepared, world.events.append, 3)
    target.switch(checked, 3, world.events.append)
    assert get(at) == "r1"
    assert world.containers(target)["web"] != first


def test_the_place_of_one_that_is_gone_takes_the_next_release_without_a_gap(
    world: Any, port: Callable[[], int]
) -> None:
    target, at = world.target(edge=EdgeSpec(drain=1.0, watch=0.0, warm=3600.0)), port()
    world.deploy(target, release(world, "r1", at))
    (first,) = there(target)
    world.deploy(target, release(world, "r2", at), 2)
    edge = EdgeClient(next(c.id for c in engine.containers(target.name) if c.edge))
    engine.remove([first])
    # HAProxy has forgotten where it was, and takes no other address for its place.
    wait_for(edge.servers, lambda said: said["web_8080_http/s1"].address == "-", seconds=60, every=0.5)

    prepared = target.prepare(release(world, "r3", at), world.events.append)
    checked = target.check(prepared, world.events.append, 3)
    with Load().running(*(client(at) for client in (keeping, fresh, keeping, fresh))) as load:
        target.switch(checked, 3, world.events.append)
        leading = edge.servers()["web_8080_http/s1"]
        wait_for(lambda: load.total, lambda count: count > 100, seconds=30)
    assert leading.ready
    assert leading.address != "-"
    assert load.failures == []


def test_nothing_is_ended_while_a_deployment_is_at_work(world: Any, port: Callable[[], int]) -> None:
    target, at = world.target(edge=EdgeSpec(drain=1.0, watch=0.0, warm=3600.0)), port()
    world.deploy(target, release(world, "r1", at))
    world.deploy(target, release(world, "r2", at), 2)
    with Fence(folder(world, target) / "state.json").entered(None), pytest.raises(Locked):
        end_due(folder(world, target), target.name, None, now=lambda: time.time() + 7200)
    assert len(there(target)) == 2


def test_who_looks_makes_up_for_what_was_to_be_ended_long_ago(
    world: Any, port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    target, at = world.target(edge=EdgeSpec(drain=1.0, watch=0.0, warm=3600.0)), port()
    command = waiting.command
    with monkeypatch.context() as away:
        away.setattr(waiting, "command", lambda *args, **settings: ["true"])  # its machine was switched off
        world.deploy(target, release(world, "r1", at))
        world.deploy(target, release(world, "r2", at), 2)
    assert waiting.command is command
    kept = Warm(folder(world, target) / "warm.json")
    kept.file.write_text(json.dumps(dict.fromkeys(kept.read(), time.time() - 600)))
    assert len(there(target)) == 2
    target.observe()
    wait_for(lambda: there(target), lambda ids: len(ids) == 1, seconds=150, every=1)
    assert get(at) == "r2"


@pytest.mark.parametrize("by", ["a look", "a look, told by an older version", "the next deployment"])
def test_what_was_to_go_and_did_not_is_ended_later(
    world: Any, port: Callable[[], int], monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    target, at = world.target(edge=EdgeSpec(drain=1.0, watch=0.0, warm=0.0)), port()
    world.deploy(target, release(world, "r1", at))
    (first,) = there(target)
    with monkeypatch.context() as away:
        away.setattr(engine.Docker, "remove_later", lambda *args, **settings: None)  # the program that waits was killed
        world.deploy(target, release(world, "r2", at), 2)
    memo = folder(world, target) / "edge.json"
    document = json.loads(memo.read_text())
    assert list(document["leaving"]) == [first]
    target.observe()
    assert first in there(target)

    long_ago = time.time() - 7200
    document["leaving"] = [first] if "older" in by else {first: long_ago}
    memo.write_text(json.dumps(document))
    os.utime(memo, (long_ago, long_ago))
    if "look" in by:
        target.observe()
    else:
        world.deploy(target, release(world, "r3", at), 3)
    wait_for(lambda: there(target), lambda ids: first not in ids, seconds=60, every=1)
    assert get(at) == ("r2" if "look" in by else "r3")
