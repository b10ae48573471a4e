"""An update drops no request: the edge, under load, and in everything that can go wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.deploy.serving import CHECK, SERVER, Line, Load, certificate, fresh, get, keeping
from windlass import process
from windlass.deploy.docker import DockerTarget, engine
from windlass.errors import DeploymentFailed
from windlass.model.events import Notice
from windlass.model.project import EdgeSpec
from windlass.waiting import wait_for

COMPOSE = """
services:
  web:
    image: python:3.12-slim
    command: python /app/server.py
    environment: {{VERSION: "{web}"{more}}}
    ports: [{ports}]
    volumes: ["./app:/app:ro"]
    stop_grace_period: 3s
    healthcheck: {{test: {check}, interval: 1s, retries: {retries}}}
  api:
    image: python:3.12-slim
    command: python /app/server.py
    environment: {{VERSION: "{api}"}}
    expose: ["8080"]
    volumes: ["./app:/app:ro"{data}]
    stop_grace_period: 1s
{rest}"""
QUICK = EdgeSpec(drain=4.0, watch=0.5)


def release(
    world: Any,
    id: str,
    *ports: str,
    web: str = "1",
    api: str = "1",
    more: str = "",
    data: str = "",
    rest: str = "",
    files: dict[str, str] | None = None,
) -> Any:
    published = ", ".join(port if port.startswith("{") else f'"{port}"' for port in ports)
    retries = 3 if "UNWELL" in more else 25
    text = COMPOSE.format(
        ports=published, web=web, api=api, check=CHECK, retries=retries, more=more, data=data, rest=rest
    )
    return world.release(id, world.write({"compose.yml": text, "app/server.py": SERVER, **(files or {})}))


def served(target: DockerTarget, version: str) -> int:
    """How many requests containers of a version have answered to users (the health check is not one)."""
    count = 0
    for container in engine.containers(target.name):
        said = process.run(["docker", "logs", container.id]).stdout.splitlines()
        if f"here {version}" in said:
            count += sum(line == "served /" for line in said)
    return count


def notices(world: Any) -> list[str]:
    return [event.text for event in world.events if isinstance(event, Notice)]


def _peer_says(at: int, version: str) -> None:
    """The service behind the one at a port has no health check: that it runs does not say that it listens."""
    wait_for(lambda: get(at, "/peer/api:8080"), lambda said: said == version, seconds=60)


def test_updates_and_the_ways_back_drop_no_request(world: Any, port: Callable[[], int]) -> None:
    target, at = world.target(edge=QUICK), port()
    # Said to be HTTP: a client that is slow to speak would be taken for one of another protocol, whose connection is cut.
    said = f'{{target: 8080, published: "{at}", app_protocol: http}}'

    def version(turn: int) -> Any:
        return release(world, f"r{turn}", said, web=str(turn))

    world.deploy(target, version(0))
    assert get(at) == "0"
    clients = [*(keeping(at) for _ in range(2)), *(fresh(at) for _ in range(2)), fresh(at, "/slow")]
    with Load().running(*clients) as load:
        for turn in range(1, 4):
            world.deploy(target, version(turn), 3 * turn)
            assert get(at) == str(turn)
            target.restore(version(turn - 1), 3 * turn + 1, world.events.append)
            assert get(at) == str(turn - 1)
            world.deploy(target, version(turn), 3 * turn + 2)
            assert get(at) == str(turn)
        wait_for(lambda: set(load.answers), lambda said: "3" in said, seconds=30)
    assert load.failures == []
    assert load.total > 300
    assert set(load.answers) == {"0", "1", "2", "3"}


def test_names_between_services_and_plain_connections_are_switched(world: Any, port: Callable[[], int]) -> None:
    target, http, tcp = world.target(edge=QUICK), port(), port()
    ports = (f"{http}:8080", f"{tcp}:7000")
    world.deploy(target, release(world, "r1", *ports))
    assert get(http, "/peer/api:8080") == "1"
    before = world.containers(target)
    old, upgraded = Line(tcp), Line(http, upgrade=True)
    assert (old.say("a"), upgraded.say("a")) == ("1 a", "1 a")
    with Load().running(fresh(http, "/peer/api:8080"), keeping(http, "/peer/api:8080")) as load:
        world.deploy(target, release(world, "r2", *ports, web="1", api="2"), 2)
        assert get(http, "/peer/api:8080") == "2"
        assert world.containers(target)["web"] == before["web"]
        world.deploy(target, release(world, "r3", *ports, web="3", api="2"), 3)
    assert load.failures == []
    assert (old.say("b"), upgraded.say("b")) == ("1 b", "1 b")  # what is open stays with the old one
    new = Line(tcp)
    assert new.say("c") == "3 c"
    for line in (old, upgraded, new):
        line.close()


def test_tls_is_passed_through_as_it_is(world: Any, port: Callable[[], int]) -> None:
    target, at = world.target(edge=QUICK), port()
    files = {"app/server.pem": certificate()}
    world.deploy(target, release(world, "r1", f"{at}:8443", files=files))
    with Load().running(fresh(at, tls=True), keeping(at, tls=True)) as load:
        world.deploy(target, release(world, "r2", f"{at}:8443", web="2", files=files), 2)
        assert get(at, tls=True) == "2"
        wait_for(lambda: set(load.answers), lambda said: "2" in said, seconds=30)
    assert load.failures == []
    assert set(load.answers) == {"1", "2"}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (', UNWELL: "1"', "unhealthy"),
        (', CRASH: "1"', "exit"),
    ],
)
def test_no_user_reaches_a_release_that_fails_before_the_switch(
    world: Any, port: Callable[[], int], more: str, reason: str
) -> None:
    target, at = world.target(edge=QUICK), port()
    first = release(world, "r1", f"{at}:8080")
    world.deploy(target, first)
    before = world.containers(target)
    with Load().running(fresh(at), keeping(at)) as load:
        with pytest.raises(DeploymentFailed, match=reason):
            world.deploy(target, release(world, "r2", f"{at}:8080", web="2", api="2", more=more), 2)
        assert served(target, "2") == 0
        target.restore(first, 2, world.events.append)
    assert load.failures == []
    assert set(load.answers) == {"1"}
    assert world.containers(target) == before
    assert {c.id for c in engine.containers(target.name) if not c.edge} == set(before.values())


def test_errors_after_the_switch_are_seen_and_the_way_back_is_short(world: Any, port: Callable[[], int]) -> None:
    target, at = world.target(edge=EdgeSpec(drain=2.0, watch=20.0)), port()
    first = release(world, "r1", f"{at}:8080")
    world.deploy(target, first)
    with Load().running(fresh(at), keeping(at)) as load:
        with pytest.raises(DeploymentFailed, match="requests failed after the switch"):
            world.deploy(target, release(world, "r2", f"{at}:8080", web="2", more=', BROKEN: "1"'), 2)
        began = time.monotonic()
        target.restore(first, 2, world.events.append)
        assert time.monotonic() - began < 20  # the bound of a machine in trouble: usually it takes one second or two
        wait_for(lambda: get(at), lambda text: text == "1", seconds=10)
    assert set(load.answers) == {"1"}
    assert set(load.failures) == {"status 500"}


def test_what_writes_to_a_volume_never_runs_twice_and_that_is_said(world: Any, port: Callable[[], int]) -> None:
    target, at = world.target(edge=QUICK), port()
    settings: dict[str, Any] = {"data": ', "kept:/data"', "rest": "volumes: {kept: {}}\n"}
    world.deploy(target, release(world, "r1", f"{at}:8080", **settings))
    _peer_says(at, "1")
    second = release(world, "r2", f"{at}:8080", web="2", api="2", **settings)
    prepared = target.prepare(second, world.events.append)
    assert {c.service: "stopped and started: it owns the volume kept" in c.reason for c in prepared.changes} == {
        "web": False,
        "api": True,
    }
    with Load().running(fresh(at), keeping(at)) as load:
        world.deploy(target, second, 2)
    assert load.failures == []
    _peer_says(at, "2")
    assert [c.service for c in engine.containers(target.name)].count("api") == 1


def test_an_environment_without_an_edge_gets_one_and_loses_it_again(world: Any, port: Callable[[], int]) -> None:
    at = port()
    ports = (f"{at}:8080",)
    plain, edged = world.target(edge=None), world.target(edge=QUICK)
    world.deploy(plain, release(world, "r1", *ports))
    assert not any(c.edge for c in engine.containers(plain.name))
    world.deploy(edged, release(world, "r2", *ports, web="2"), 2)
    assert get(at) == "2"
    _peer_says(at, "1")
    assert any("connections are cut for about a second" in text for text in notices(world))
    with Load().running(fresh(at)) as load:
        world.deploy(edged, release(world, "r3", *ports, web="3"), 3)
    assert load.failures == []
    world.deploy(plain, release(world, "r4", *ports, web="4"), 4)
    assert get(at) == "4"
    _peer_says(at, "1")
    assert {c.service for c in engine.containers(plain.name)} == {"web", "api"}


def test_an_edge_that_is_killed_and_a_container_that_moves_serve_again(world: Any, port: Callable[[], int]) -> None:
    target, at = world.target(edge=QUICK), port()
    world.deploy(target, release(world, "r1", f"{at}:8080"))
    world.deploy(target, release(world, "r2", f"{at}:8080", web="2"), 2)

    def answer() -> str:
        try:
            return get(at)
        except OSError:
            return ""

    for edge in [c for c in engine.containers(target.name) if c.edge]:
        process.run(["docker", "restart", "--time", "0", edge.id], check=True)
    assert wait_for(answer, lambda text: text == "2", seconds=60) == "2"
    web = world.containers(target)["web"]
    network = next(c for c in engine.containers(target.name) if c.id == web).addresses[0][0]
    process.run(["docker", "stop", "--time", "0", web], check=True)
    taken = process.run(["docker", "run", "-d", "--rm", "--network", network, "busybox:1", "sleep", "100"], check=True)
    try:
        process.run(["docker", "start", web], check=True)
        assert wait_for(answer, lambda text: text == "2", seconds=60) == "2"
    finally:
        process.run(["docker", "rm", "--force", taken.stdout.strip()])
    wait_for(
        lambda: target.observe().service("web"), lambda web: web is not None and web.health == "healthy", seconds=60
    )
    assert target.prepare(release(world, "r3", f"{at}:8080", web="2"), world.events.append).nothing_to_do


def test_another_published_port_makes_the_edge_anew_and_touches_no_service(world: Any, port: Callable[[], int]) -> None:
    target, one, two = world.target(edge=QUICK), port(), port()
    world.deploy(target, release(world, "r1", f"{one}:8080"))
    before = world.containers(target)
    world.deploy(target, release(world, "r2", f"{one}:8080", f"{two}:7000"), 2)
    line = Line(two)
    assert (get(one), line.say("x")) == ("1", "1 x")
    line.close()
    assert world.containers(target)["web"] == before["web"]
    assert any(f"port {two} is new" in text for text in notices(world))


def test_a_service_that_goes_leaves_nothing(world: Any, port: Callable[[], int]) -> None:
    target, at = world.target(edge=QUICK), port()
    extra = "  more:\n    image: python:3.12-slim\n    command: python /app/server.py\n    expose: [8080]\n    volumes: ['./app:/app:ro']\n"
    world.deploy(target, release(world, "r1", f"{at}:8080"))
    with Load().running(fresh(at), keeping(at)) as load:
        world.deploy(target, release(world, "r2", f"{at}:8080", rest=extra), 2)
        assert get(at, "/peer/more:8080") == "?"
        world.deploy(target, release(world, "r3", f"{at}:8080"), 3)
    assert load.failures == []
    there = wait_for(
        lambda: {c.service for c in engine.containers(target.name) if not c.edge}, lambda s: len(s) == 2, seconds=60
    )
    assert there == {"web", "api"}


def test_more_replicas_share_the_requests(world: Any, port: Callable[[], int]) -> None:
    target, at = world.target(edge=QUICK), port()
    two = "  more:\n    image: python:3.12-slim\n    command: python /app/server.py\n    deploy: {replicas: 3}\n    expose: [8080]\n    volumes: ['./app:/app:ro']\n    environment: {VERSION: '%s'}\n"
    world.deploy(target, release(world, "r1", f"{at}:8080", rest=two % 1))
    with Load().running(fresh(at, "/peer/more:8080")) as load:
        world.deploy(target, release(world, "r2", f"{at}:8080", rest=two % 2), 2)
        assert get(at, "/peer/more:8080") == "2"
    assert load.failures == []
