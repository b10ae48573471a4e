"""Deploying to a real engine."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from windlass import process
from windlass.deploy.docker import DockerTarget
from windlass.deploy.interface import LogLine
from windlass.model.events import Event, Notice, ServiceFinished, ServiceProgress
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
            with urllib.request.urlopen(url, timeout=30) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    return wait_for(fetch, bool, seconds=60)


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


def test_two_environments_on_one_engine_do_not_touch_each_other(world: Any, port: Callable[[], int]) -> None:
    published, moved = port(), port()
    text = SERVER.format(port=published) + "volumes: {data: {name: shared-by-name}}\n"
    text = text.replace('["./www:/www:ro"]', '["./www:/www:ro", "data:/data"]')
    tree = world.write({"compose.yml": text, "www/index.html": "one"})
    staging = world.target("staging", ports={published: moved})
    production = world.target("production")
    world.deploy(staging, world.release("r1", tree, web="1", api="1"))
    before = world.containers(staging)
    newer = world.write({"www/index.html": "two"})
    world.deploy(production, world.release("r9", newer, environment="production", web="2", api="2"), 7)
    assert world.containers(staging) == before
    assert (get(staging), get(production)) == ("one", "two")
    web = staging.observe().service("web"), production.observe().service("web")
    assert [(s.release, dict(s.ports)[80].port) for s in web if s] == [("r1", moved), ("r9", published)]
    volumes = process.run(["docker", "volume", "ls", "--quiet"], check=True).stdout.split()
    assert f"{staging.name}_data" in volumes and f"{production.name}_data" in volumes
    assert "shared-by-name" not in volumes
    found = process.run(["docker", "exec", before["api"], "nslookup", "web-dev"])
    assert found.ok, found.stdout


def test_mounted_files_follow_the_release_and_come_back_with_it(world: Any, port: Callable[[], int]) -> None:
    target = world.target()
    first = world.release("r1", server(world, port(), "one"), web="1", api="1")
    world.deploy(target, first)
    before = world.containers(target)
    second = world.release("r2", world.write({"www/index.html": "two"}), web="1", api="1")
    prepared = target.prepare(second, world.events.append)
    assert {c.service: c.action for c in prepared.changes} == {"web": "recreate", "api": "keep", "migrate": "keep"}
    world.deploy(target, second, 2)
    assert get(target) == "two"
    (world.root / "www/index.html").write_text("an edit that no release has")
    assert get(target) == "two"
    target.restore(first, 3, world.events.append)
    assert get(target) == "one"
    assert world.containers(target)["api"] == before["api"]


def test_files_outside_git_are_taken_from_the_checkout_also_for_an_older_release(world: Any) -> None:
    text = """
services:
  web:
    build: .
    command: sh -c "cat /run/secrets/* /local/* /seed; echo $$WHO $$TOLD; sleep 100"
    stop_signal: SIGKILL
    env_file: [secret.env]
    environment: {TOLD: "${TOLD}"}
    secrets: [own, kept, told]
    volumes: ["./local:/local", "./empty:/empty", "./seed:/seed"]
secrets: {own: {file: ./private.txt}, kept: {file: ./kept.txt}, told: {environment: TOLD}}
"""
    ignored = {"secret.env": "WHO=from-env-file\n", ".env": "TOLD=from-dotenv\n"}
    ignored |= {"private.txt": "untracked-secret\n", "local/note": "untracked-note\n"}
    (world.root / "local").mkdir()
    for name, content in ignored.items():
        (world.root / name).write_text(content)
    files = {".gitignore": "\n".join([*ignored, "local"]), "kept.txt": "committed-secret\n", "seed": "old seed\n"}
    old = world.write({"compose.yml": text, **files})
    world.write({"kept.txt": "newer\n", "seed": "newer\n", "compose.yml": "services: {}"})
    target = world.target()
    world.deploy(target, world.release("r1", old, web="1"))
    said: list[str] = []

    def look() -> list[str]:
        said.clear()
        target.logs("web", tail=50, follow=False, on_line=lambda line: said.append(line.text))
        return said

    wait_for(look, lambda lines: any("from-env-file" in line for line in lines), seconds=60)
    together = "\n".join(said)
    for expected in ("committed-secret", "untracked-secret", "untracked-note", "old seed", "from-env-file from-dotenv"):
        assert expected in together
    assert "newer" not in together
    assert target.prepare(world.release("r2", old, web="1"), world.events.append).nothing_to_do
    notices = [e.text for e in world.events if isinstance(e, Notice)]
    assert any(text.startswith("empty is in no commit") for text in notices)
    assert not (world.root / "empty").exists()
    left = [path for path in world.home.rglob("*") if path.is_file()]
    for value in ("from-env-file", "from-dotenv", "untracked-secret"):
        assert not [path for path in left if value in path.read_text()]


def test_what_cannot_run_is_left_out_with_what_needs_it(world: Any) -> None:
    text = """
services:
  web: {build: ., command: sleep 100, stop_signal: SIGKILL}
  api: {build: ., command: sleep 100}
  ui: {image: "busybox:1", command: sleep 100, depends_on: [api]}
  extra: {image: "busybox:1", command: sleep 100, stop_signal: SIGKILL, profiles: [more]}
"""
    release = world.release("r1", world.write({"compose.yml": text}), web="1")
    release = replace(release, excluded=(("api", "it does not build"),))
    target = world.target()
    world.deploy(target, release)
    assert set(world.containers(target)) == {"web"}
    notices = [e.text for e in world.events if isinstance(e, Notice)]
    assert "ui is left out: it depends on api, which is left out: it does not build" in notices
    world.deploy(target, replace(release, profiles=("more",)), 2)
    assert set(world.containers(target)) == {"web", "extra"}
    world.deploy(world.target(profiles=("more",)), release, 3)  # that it has none is the release's own answer
    assert set(world.containers(target)) == {"web"}


def test_a_service_that_somebody_stopped_is_brought_back(world: Any, port: Callable[[], int]) -> None:
    target = world.target()
    tree = server(world, port())
    world.deploy(target, world.release("r1", tree, web="1", api="1"))
    before = world.containers(target)
    process.run(["docker", "kill", before["api"]], check=True)
    state = target.observe().service("api")
    assert state is not None and (state.health, state.exit_code) == ("exited", 137)
    prepared = target.prepare(world.release("r1", tree, web="1", api="1"), world.events.append)
    assert [(c.service, c.reason) for c in prepared.changes if c.action != "keep"] == [
        ("api", "it is exited (exit code 137)")
    ]
    world.deploy(target, world.release("r1", tree, web="1", api="1"), 2)
    after = world.containers(target)
    assert after["web"] == before["web"]
    state = target.observe().service("api")
    assert state is not None and state.well


def test_logs_are_followed_with_their_service_until_somebody_stops(world: Any) -> None:
    text = """
services:
  web: {build: ., command: "sh -c 'while true; do echo tick; sleep 1; done'", stop_signal: SIGKILL}
  api: {build: ., command: sleep 100, stop_signal: SIGKILL}
"""
    target = world.target()
    world.deploy(target, world.release("r1", world.write({"compose.yml": text}), web="1", api="1"))
    lines: list[LogLine] = []

    def hear(line: LogLine) -> None:
        lines.append(line)
        if len(lines) == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        target.logs(None, tail=2, follow=True, on_line=hear)
    assert set(lines) == {LogLine("web", "tick")}


def test_an_interrupted_deployment_ends_compose_and_the_next_one_converges(world: Any) -> None:
    slow = """
services:
  web: {build: ., command: sleep 100, stop_signal: SIGKILL, depends_on: {api: {condition: service_healthy}}}
  api:
    build: .
    command: sleep 100
    stop_signal: SIGKILL
    healthcheck: {test: ["CMD", "false"], interval: 1s, start_period: 100s}
"""
    target = world.target()
    release = world.release("r1", world.write({"compose.yml": slow}), web="1", api="1")

    def interrupt(event: Event) -> None:
        if isinstance(event, ServiceProgress) and event.message == "starting":
            raise KeyboardInterrupt

    prepared = target.prepare(release, world.events.append)
    with pytest.raises(KeyboardInterrupt):
        target.switch(target.check(prepared, interrupt, 1), 1, interrupt)
    better = world.release("r2", world.write({"compose.yml": slow.replace('"false"', '"true"')}), web="1", api="1")
    world.deploy(target, better, 2)
    assert {state.service: (state.health, state.release) for state in target.observe().services} == {
        "web": ("running", "r2"),
        "api": ("healthy", "r2"),
    }
