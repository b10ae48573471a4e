"""Which socket the user's `docker` talks to."""

from __future__ import annotations

import pytest

from windlass.deploy.docker.local import socket_of

USUAL = "/var/run/docker.sock"


@pytest.mark.parametrize(
    ("environ", "context", "socket"),
    [
        ({}, "", USUAL),
        ({}, "default", USUAL),
        ({"DOCKER_CONTEXT": "default"}, "desktop-linux", USUAL),
        ({"DOCKER_HOST": "", "DOCKER_CONTEXT": ""}, "", USUAL),
        ({"DOCKER_HOST": "unix:///run/user/1000/docker.sock"}, "elsewhere", "/run/user/1000/docker.sock"),
        ({}, "desktop-linux", ""),
        ({"DOCKER_CONTEXT": "elsewhere"}, "", ""),
        ({"DOCKER_HOST": "ssh://user@host"}, "", ""),
        ({"DOCKER_HOST": "tcp://127.0.0.1:2376"}, "", ""),
        ({"DOCKER_HOST": "unix://"}, "", ""),
    ],
)
def test_a_socket_is_used_only_where_docker_would_use_it(environ: dict[str, str], context: str, socket: str) -> None:
    assert socket_of(environ, context) == socket
