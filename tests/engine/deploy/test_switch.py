"""What a switch touches, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

from windlass import process

SLEEPER = "image: busybox:1\n    command: sleep 1000\n    stop_signal: SIGKILL"


def release(world: Any, id: str, compose: str, **files: str) -> Any:
    return world.release(id, world.write({"compose.yml": compose, **files}))


def inside(world: Any, service: str, *command: str) -> str:
    (target,) = world.targets
    container = world.containers(target)[service]
    return process.run(["docker", "exec", container, *command], check=True).stdout


def test_who_shares_a_network_is_replaced_with_its_host_and_not_the_other_way_round(world: Any) -> None:
    compose = f"""
services:
  db:
    {SLEEPER}
  host:
    {SLEEPER}
    depends_on: [db]
    environment: {{{{V: "{{host}}"}}}}
  lodger:
    {SLEEPER}
    network_mode: service:host
    environment: {{{{V: "{{lodger}}"}}}}
"""
    target = world.target()
    world.deploy(target, release(world, "r1", compose.format(host=1, lodger=1)))
    first = world.containers(target)
    world.deploy(target, release(world, "r2", compose.format(host=1, lodger=2)), 2)
    second = world.containers(target)
    assert {name for name in first if first[name] != second[name]} == {"lodger"}
    world.deploy(target, release(world, "r3", compose.format(host=2, lodger=2)), 3)
    third = world.containers(target)
    assert {name for name in first if second[name] != third[name]} == {"host", "lodger"}
    assert target.prepare(release(world, "r4", compose.format(host=2, lodger=2)), world.events.append).nothing_to_do


def test_the_user_s_wish_to_remove_orphans_does_not_reach_services_that_stay(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPOSE_REMOVE_ORPHANS", "true")
    compose = f"services:\n  web:\n    {SLEEPER}\n    environment: {{{{V: '{{0}}'}}}}\n  db:\n    {SLEEPER}\n"
    target = world.target()
    world.deploy(target, release(world, "r1", compose.format(1)))
    before = world.containers(target)
    world.deploy(target, release(world, "r2", compose.format(2)), 2)
    assert world.containers(target)["db"] == before["db"]


def test_fewer_replicas_are_no_failure(world: Any) -> None:
    compose = f"services:\n  web:\n    {SLEEPER}\n    deploy: {{{{replicas: {{0}}}}}}\n"
    target = world.target()
    world.deploy(target, release(world, "r1", compose.format(3)))
    world.deploy(target, release(world, "r2", compose.format(1)), 2)
    assert target.prepare(release(world, "r3", compose.format(1)), world.events.append).nothing_to_do


def test_a_new_configuration_file_reaches_who_uses_it_and_nobody_else(world: Any) -> None:
    compose = f"""
services:
  web:
    {SLEEPER}
    configs: [app]
  db:
    {SLEEPER}
configs: {{app: {{file: app.conf}}}}
"""
    target = world.target()
    world.deploy(target, release(world, "r1", compose, **{"app.conf": "one"}))
    before = world.containers(target)
    world.deploy(target, release(world, "r2", compose, **{"app.conf": "two"}), 2)
    assert inside(world, "web", "cat", "/app") == "two"
    assert world.containers(target)["db"] == before["db"]


def test_data_in_an_anonymous_volume_outlives_a_release_that_fails(world: Any) -> None:
    compose = "services:\n  db:\n    image: busybox:1\n    stop_signal: SIGKILL\n    volumes: [/data]\n    command: sh -c '{}'\n"
    works = compose.format("echo kept >> /data/file; sleep 1000")
    target = world.target()
    first = release(world, "r1", works)
    world.deploy(target, first)
    with pytest.raises(Exception, match="exit code 3"):
        world.deploy(target, release(world, "r2", compose.format("exit 3")), 2)
    target.restore(first, 3, world.events.append)
    assert inside(world, "db", "cat", "/data/file") == "kept\nkept\n"


def test_a_service_that_goes_may_end_in_its_own_way(world: Any) -> None:
    ending = 'trap "echo ended > /data/said; exit 0" TERM; while :; do sleep 0.1; done'
    job = f"services:\n  old:\n    image: busybox:1\n    volumes: [kept:/data]\n    command: sh -c '{ending}'\n"
    after = f"services:\n  new:\n    {SLEEPER}\n    volumes: [kept:/data]\n"
    target = world.target()
    world.deploy(target, release(world, "r1", job + "volumes: {kept: {}}\n"))
    world.deploy(target, release(world, "r2", after + "volumes: {kept: {}}\n"), 2)
    assert inside(world, "new", "cat", "/data/said") == "ended\n"
