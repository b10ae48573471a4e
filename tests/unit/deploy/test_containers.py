"""What `docker inspect` says, and what a switch would make of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from windlass.deploy.docker.changes import compute, parse_hashes
from windlass.deploy.docker.containers import Container, endpoints, parse_containers, to_state, worst
from windlass.model.observation import Endpoint

DIGEST = "sha256:" + "a" * 64


def document(
    service: str = "web", *, labels: dict[str, str] | None = None, state: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    own = {
        "com.docker.compose.service": service,
        "dev.windlass.config": "h1",
        "com.docker.compose.image": "sha256:image",
        "dev.windlass.service": service,
        "dev.windlass.digest": DIGEST,
    }
    running = {
        "Status": "running",
        "ExitCode": 0,
        "StartedAt": "2030-01-02T03:04:05.678Z",
        "FinishedAt": "0001-01-01T00:00:00Z",
    }
    return {
        "Id": f"id-{service}",
        "Name": f"/crank-staging-{service}-1",
        "RestartCount": 0,
        "State": running | (state or {}),
        "Config": {"Image": f"localhost:1/{service}@{DIGEST}", "Labels": own | (labels or {})},
        "HostConfig": {"RestartPolicy": {"Name": "always"}, "PortBindings": {}},
        "NetworkSettings": {"Ports": {}},
    } | more


def one(**how: Any) -> Container:
    (container,) = parse_containers(json.dumps([document(**how)]))
    return container


def test_a_running_container_is_read_whole() -> None:
    ports = {
        "8443/tcp": [{"HostIp": "::", "HostPort": "18443"}, {"HostIp": "0.0.0.0", "HostPort": "18443"}],
        "53/udp": [{"HostIp": "0.0.0.0", "HostPort": "53"}],
        "9/tcp": None,
    }
    state = to_state(one(NetworkSettings={"Ports": ports}), release="r1", engine_host="localhost")
    assert (state.service, state.health, state.digest, state.release) == ("web", "running", DIGEST, "r1")
    assert state.since == "2030-01-02T03:04:05Z"
    assert state.ports == ((8443, Endpoint("localhost", 18443)),)
    assert state.container == "crank-staging-web-1"
    assert state.exit_code is None and state.well


def test_a_port_of_one_address_is_reached_there() -> None:
    ports = {"80/tcp": [{"HostIp": "192.0.2.7", "HostPort": "80"}]}
    assert endpoints(one(NetworkSettings={"Ports": ports}), "localhost") == ((80, Endpoint("192.0.2.7", 80)),)


@pytest.mark.parametrize(
    ("state", "health", "detail"),
    [
        ({"Health": {"Status": "healthy", "Log": []}}, "healthy", ""),
        ({"Health": {"Status": "starting", "Log": []}}, "starting", ""),
        ({"Health": {"Status": "none"}}, "running", ""),
        (
            {"Health": {"Status": "unhealthy", "Log": [{"Output": "old"}, {"Output": "a\nno disk\n"}]}},
            "unhealthy",
            "no disk",
        ),
        ({"Status": "exited", "ExitCode": 3}, "exited", "exit code 3"),
        ({"Status": "exited", "ExitCode": 0}, "exited", "exit code 0"),
        ({"Status": "dead", "ExitCode": 1}, "exited", "exit code 1"),
        ({"Status": "paused"}, "unhealthy", "it is paused"),
        ({"Status": "restarting", "ExitCode": 1}, "restarting", "exit code 1"),
        ({"Status": "created"}, "starting", ""),
        ({"Status": "created", "Error": "port\nis taken"}, "exited", "port is taken"),
    ],
)
def test_the_engine_s_words_become_health(state: dict[str, Any], health: str, detail: str) -> None:
    container = one(state=state)
    assert (container.state, container.detail) == (health, detail)


def test_a_one_shot_that_ended_well_has_completed() -> None:
    ended = {"Status": "exited", "ExitCode": 0}
    assert one(state=ended, labels={"dev.windlass.one-shot": "true"}).state == "completed"
    assert one(state=ended | {"ExitCode": 1}, labels={"dev.windlass.one-shot": "true"}).state == "exited"


def test_a_container_that_somebody_else_started_is_understood_as_well() -> None:
    foreign = document(state={"Status": "exited", "ExitCode": 0}, HostConfig={"RestartPolicy": {"Name": "no"}})
    foreign["Config"]["Labels"] = {"com.docker.compose.service": "web"}
    foreign["Config"]["Image"] = "redis:7"
    (container,) = parse_containers(json.dumps([foreign]))
    assert (container.state, container.digest) == ("completed", None)


def test_containers_of_compose_run_are_no_services() -> None:
    assert parse_containers(json.dumps([document(labels={"com.docker.compose.oneoff": "True"})])) == []
    assert parse_containers("") == []


def test_of_several_containers_the_worst_speaks_for_the_service() -> None:
    containers = [one(), one(state={"Status": "exited", "ExitCode": 1}), one(service="api")]
    assert {name: c.state for name, c in worst(containers).items()} == {"web": "exited", "api": "running"}


def changes(*there: Container, wanted: dict[str, str] | None = None, **replicas: int) -> dict[str, tuple[str, str]]:
    images = {"web": (f"localhost:1/web@{DIGEST}", "sha256:image")}
    found = compute({"web": "h1"} if wanted is None else wanted, there, images, replicas)
    return {change.service: (change.action, change.reason) for change in found}


def test_what_is_right_and_well_is_kept() -> None:
    assert changes(one()) == {"web": ("keep", "")}


@pytest.mark.parametrize(
    ("there", "action", "reason"),
    [
        ([], "create", "not there yet"),
        ([one(labels={"dev.windlass.config": "h0"})], "recreate", "its configuration changed"),
        (
            [one(Config={"Image": "localhost:1/web@sha256:b", "Labels": document()["Config"]["Labels"]})],
            "recreate",
            "its image changed",
        ),
        (
            [one(labels={"com.docker.compose.image": "sha256:other"})],
            "recreate",
            f"localhost:1/web@{DIGEST} is another image now",
        ),
        ([one(state={"Status": "exited", "ExitCode": 2})], "recreate", "it is exited (exit code 2)"),
        ([one(state={"Health": {"Status": "starting"}})], "create", "it is still starting"),
        ([one(), one()], "recreate", "it has 2 containers, not 1"),
    ],
)
def test_what_is_not_is_changed_with_the_reason(there: list[Container], action: str, reason: str) -> None:
    assert changes(*there) == {"web": (action, reason)}


def test_a_service_that_is_not_wanted_is_removed_and_replicas_are_counted() -> None:
    assert changes(one(), one(service="old")) == {
        "web": ("keep", ""),
        "old": ("remove", "the release does not have it"),
    }
    assert changes(one(), one(), web=2) == {"web": ("keep", "")}
    assert changes(one(), wanted={}) == {"web": ("remove", "the release does not have it")}


def test_hashes_are_read_from_compose() -> None:
    assert parse_hashes("web abc\napi def\n\n") == {"web": "abc", "api": "def"}
