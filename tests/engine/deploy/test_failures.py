"""Releases that do not become healthy, and what is told of them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.engine.deploy.serving import get
from tests.engine.deploy.test_edge import QUICK, release
from windlass import process
from windlass.deploy.docker import up
from windlass.deploy.docker.engine import Docker
from windlass.errors import ConfigError, DeploymentFailed
from windlass.model.events import ServiceProgress
from windlass.waiting import wait_for

SERVICE = """
services:
  web:
    build: .
    stop_signal: SIGKILL
"""


def test_a_crash_loop_is_given_up_early_with_the_last_log_lines(world: Any) -> None:
    tree = world.write(
        {"compose.yml": SERVICE + '    restart: always\n    command: sh -c "echo no database; exit 3"\n'}
    )
    with pytest.raises(DeploymentFailed, match=r"web: crash loop: restarted \d times(, exit code 3)?$") as failure:
        world.deploy(world.target(), world.release("r1", tree, web="1"))
    assert any("no database" in line for line in failure.value.evidence["web"])
    assert any("restarted" in e.message for e in world.events if isinstance(e, ServiceProgress))


def test_a_container_that_exits_is_given_up_at_once(world: Any) -> None:
    tree = world.write({"compose.yml": SERVICE + '    command: sh -c "echo bad option >&2; exit 2"\n'})
    with pytest.raises(DeploymentFailed, match="web: exited with exit code 2") as failure:
        world.deploy(world.target(), world.release("r1", tree, web="1"))
    assert "exit code: 2" in failure.value.evidence["web"]
    assert any("bad option" in line for line in failure.value.evidence["web"])


def test_a_program_that_is_not_in_the_image_is_named(world: Any) -> None:
    tree = world.write({"compose.yml": SERVICE + "    command: no-such-program\n"})
    with pytest.raises(DeploymentFailed, match="no-such-program"):
        world.deploy(world.target(), world.release("r1", tree, web="1"))


@pytest.mark.parametrize("data", ["", ', "/var/kept"'])  # behind an edge, and in place
def test_a_port_that_something_else_has_is_no_fault_of_the_release(
    world: Any, port: Callable[[], int], data: str
) -> None:
    target, at = world.target(edge=QUICK), port()
    made = release(world, "r1", data=data, rest=f"    ports: ['{at}:8080']\n")
    with socket.socket() as other:
        other.bind(("0.0.0.0", at))
        other.listen()
        with pytest.raises(DeploymentFailed, match="address already in use") as failure:
            world.deploy(target, made)
    assert not failure.value.blames
    assert "stop what uses the port" in str(failure.value.remedy)
    world.deploy(target, made, 2)  # and then it is well
    assert get(at) == "1"


def test_a_name_that_the_engine_still_has_from_who_was_killed_is_waited_for(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = world.target()
    name = f"{target.name}-web-1"
    made = world.release("r1", world.write({"compose.yml": SERVICE + "    command: sleep 1000\n"}), web="1")
    held = process.run(["docker", "create", "--name", name, "busybox:1"], check=True).stdout.strip()
    try:
        monkeypatch.setattr(up, "_MAKING", 0.1)
        with pytest.raises(DeploymentFailed, match="is already in use by container") as failure:
            world.deploy(target, made)
        assert not failure.value.blames
        assert "docker inspect" in str(failure.value.remedy)
        monkeypatch.setattr(up, "_MAKING", 30.0)
        refused = _refusals(monkeypatch)
        with ThreadPoolExecutor(1) as pool:
            deploying = pool.submit(world.deploy, target, made, 2)
            wait_for(lambda: refused, bool, seconds=30)
            process.run(["docker", "rm", "--force", held], check=True)
            deploying.result()
    finally:
        process.run(["docker", "rm", "--force", held])
    assert world.containers(target).keys() == {"web"}


def _refusals(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Compose says from now on of names that are taken."""
    heard: list[str] = []
    real = Docker.stream

    def stream(self: Docker, argv: Any, on_line: Callable[[str], None], **options: Any) -> int:
        def hear(line: str) -> None:
            heard.extend([line] if "is already in use by container" in line else [])
            on_line(line)

        return real(self, argv, hear, **options)

    monkeypatch.setattr(Docker, "stream", stream)
    return heard


def test_a_failing_health_check_shows_what_it_printed(world: Any) -> None:
    check = '["CMD-SHELL", "echo disk is full; exit 1"]'
    text = (
        SERVICE
        + f"    command: sleep 100\n    healthcheck: {{test: {check}, interval: 1s, retries: 2, start_period: 1s}}\n"
    )
    with pytest.raises(DeploymentFailed, match="web: unhealthy: disk is full") as failure:
        world.deploy(world.target(), world.release("r1", world.write({"compose.yml": text}), web="1"))
    assert any("disk is full" in line for line in failure.value.evidence["web"])


def test_a_service_that_is_never_ready_ends_at_the_deadline(world: Any) -> None:
    text = (
        SERVICE
        + '    command: sleep 100\n    healthcheck: {test: ["CMD", "false"], interval: 1s, start_period: 100s}\n'
    )
    target = world.target(ready_timeout=20.0)
    with pytest.raises(DeploymentFailed, match="web: not ready after 20 s: starting"):
        world.deploy(target, world.release("r1", world.write({"compose.yml": text}), web="1"))


def test_a_dependency_that_fails_is_blamed_not_what_waits_for_it(world: Any) -> None:
    text = """
services:
  web:
    build: .
    command: sleep 100
    depends_on: {api: {condition: service_healthy}}
  api:
    build: .
    command: sleep 100
    stop_signal: SIGKILL
    healthcheck: {test: ["CMD", "false"], interval: 1s, retries: 1, start_period: 1s}
"""
    with pytest.raises(DeploymentFailed, match="api: unhealthy") as failure:
        world.deploy(world.target(), world.release("r1", world.write({"compose.yml": text}), web="1", api="1"))
    assert set(failure.value.evidence) == {"api"}


def test_at_the_deadline_compose_is_ended_and_what_others_wait_for_is_blamed(world: Any) -> None:
    text = """
services:
  web:
    build: .
    command: sleep 100
    depends_on: {api: {condition: service_healthy}}
  api:
    build: .
    command: sleep 100
    stop_signal: SIGKILL
    healthcheck: {test: ["CMD", "false"], interval: 1s, start_period: 100s}
"""
    target = world.target(ready_timeout=20.0)
    with pytest.raises(DeploymentFailed, match=r"^api: not ready after 20 s: starting$") as failure:
        world.deploy(target, world.release("r1", world.write({"compose.yml": text}), web="1", api="1"))
    assert set(failure.value.evidence) == {"api"}
    wait_for(
        lambda: [line for line in command_lines() if target.name.encode() in line and b"up" in line.split(b"\0")],
        lambda left: not left,
        seconds=10,
    )


def command_lines() -> Iterator[bytes]:
    """Of every process of this machine; one that ends meanwhile has none."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            yield path.read_bytes()


def test_a_failed_migration_stops_the_release(world: Any) -> None:
    text = """
services:
  web:
    build: .
    command: sleep 100
    depends_on: {migrate: {condition: service_completed_successfully}}
  migrate:
    image: busybox:1
    command: sh -c "echo table exists; exit 1"
"""
    with pytest.raises(DeploymentFailed, match="migrate: exited with exit code 1"):
        world.deploy(world.target(), world.release("r1", world.write({"compose.yml": text}), web="1"))


def test_a_port_in_use_is_said_with_what_to_do(world: Any, port: Callable[[], int]) -> None:
    taken = port()
    tree = world.write({"compose.yml": SERVICE + f'    command: sleep 100\n    ports: ["{taken}:80"]\n'})
    world.deploy(world.target("staging"), world.release("r1", tree, web="1"))
    with pytest.raises(DeploymentFailed, match=str(taken)) as failure:
        world.deploy(world.target("production"), world.release("r1", tree, environment="production", web="1"))
    assert failure.value.remedy is not None and "port_offset" in failure.value.remedy


def test_a_required_variable_that_is_missing_is_named_before_anything_starts(world: Any) -> None:
    tree = world.write({"compose.yml": SERVICE + "    environment: {TOKEN: '${WINDLASS_TEST_TOKEN:?set it}'}\n"})
    target = world.target()
    with pytest.raises(ConfigError, match="WINDLASS_TEST_TOKEN"):
        world.deploy(target, world.release("r1", tree, web="1"))
    assert target.observe().services == ()


def test_a_named_secret_that_is_missing_is_named_without_values(world: Any) -> None:
    tree = world.write({"compose.yml": SERVICE + "    command: sleep 100\n", ".env.staging": "ONE=hidden\nTWO=\n"})
    target = world.target(env_files=(".env.staging",), secrets=("ONE", "TWO", "THREE"))
    with pytest.raises(ConfigError, match="TWO, THREE") as failure:
        target.prepare(world.release("r1", tree, web="1"), world.events.append)
    assert "hidden" not in str(failure.value)


def test_another_project_of_the_same_compose_project_is_refused_and_its_containers_stay(world: Any) -> None:
    tree = world.write({"compose.yml": SERVICE + "    command: sleep 1000\n"})
    first = world.target("api-staging")
    world.deploy(first, world.release("r1", tree, web="1"))
    before = world.containers(first)
    second = replace(world, project=f"{world.project}-api").target("staging")
    assert second.name == first.name
    release = world.release("r2", tree, web="2")
    refusal = f"Compose project of {world.project} in api-staging"
    with pytest.raises(ConfigError, match=refusal):
        second.prepare(release, world.events.append)
    with pytest.raises(ConfigError, match=refusal):
        second.restore(release, 9, world.events.append)
    with pytest.raises(ConfigError, match=refusal):
        second.prepare(release, world.events.append, pulling=False)
    assert world.containers(first) == before
