"""What `windlass diff` says of a container that is not what it should be."""

from __future__ import annotations

from typing import Any

import pytest

from windlass.deploy.docker.differences import differences, hidden

DIGESTS = "a" * 64, "b" * 64
SERVICE = {
    "image": f"localhost:5077/web@sha256:{DIGESTS[0]}",
    "environment": {"LEVEL": "info", "PRICE": "5 $$", "EMPTY": ""},
    "ports": [{"target": 80, "published": "8080", "protocol": "tcp"}, {"target": 81}],
    "command": None,
    "entrypoint": None,
    "labels": {"team": "shop", "dev.windlass.config": "1"},
    "volumes": [{"type": "bind", "source": "/data", "target": "/var/data"}, {"type": "tmpfs", "target": "/tmp"}],
    "restart": "unless-stopped",
}
IMAGE = {
    "Config": {
        "Env": ["PATH=/bin", "LEVEL=debug"],
        "Cmd": ["serve"],
        "Labels": {"version": "1"},
        "Volumes": {"/own": {}},
    }
}


def container() -> dict[str, Any]:
    return {
        "Config": {
            "Image": SERVICE["image"],
            "Env": ["PATH=/bin", "LEVEL=info", "PRICE=5 $", "EMPTY="],
            "Cmd": ["serve"],
            "Labels": {"team": "shop", "version": "1", "com.docker.compose.project": "x"},
        },
        "HostConfig": {
            "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]},
            "RestartPolicy": {"Name": "unless-stopped"},
        },
        "Mounts": [{"Destination": "/var/data", "Source": "/data"}, {"Destination": "/own", "Source": "/x"}],
    }


def test_a_container_that_is_as_it_should_be_has_none() -> None:
    assert differences(SERVICE, container(), IMAGE) == ()


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (
            ("Config", "Image"),
            f"localhost:5077/web@sha256:{DIGESTS[1]}",
            "image: localhost:5077/web@bbbbbbbbbbbb, not localhost:5077/web@aaaaaaaaaaaa",
        ),
        (("Config", "Env"), ["PATH=/bin", "LEVEL=secret", "PRICE=5 $", "EMPTY="], "environment: LEVEL changed"),
        (("Config", "Env"), ["PATH=/bin", "LEVEL=info", "PRICE=5 $"], "environment: EMPTY not there"),
        (
            ("Config", "Env"),
            ["PATH=/sbin", "LEVEL=info", "PRICE=5 $", "EMPTY=", "DEBUG=1"],
            "environment: PATH changed, DEBUG too much",
        ),
        (
            ("HostConfig", "PortBindings"),
            {"80/tcp": [{"HostPort": "9090"}]},
            "ports: 8080 → 80/tcp not published, 9090 → 80/tcp too much",
        ),
        (("Config", "Cmd"), ["sh"], "command: another one"),
        (("Config", "Entrypoint"), ["sh"], "entrypoint: another one"),
        (("Config", "User"), "root", "user: another one"),
        (("Config", "Labels"), {"team": "other", "version": "1"}, "labels: team changed"),
        (("Mounts",), [], "volumes: /var/data not mounted"),
        (
            ("Mounts",),
            [{"Destination": "/var/data", "Source": "/elsewhere"}, {"Destination": "/host", "Source": "/"}],
            "volumes: /host too much, /var/data from elsewhere",
        ),
        (("HostConfig", "RestartPolicy"), {"Name": "always"}, "restart: always, not unless-stopped"),
    ],
)
def test_each_difference_is_named_without_values(place: tuple[str, ...], value: Any, said: str) -> None:
    there = container()
    where: Any = there
    for key in place[:-1]:
        where = where[key]
    where[place[-1]] = value

    found = differences(SERVICE, there, IMAGE)

    assert found == ((said,) if said else ())
    assert not any("secret" in one for one in found)


def test_of_an_image_that_is_gone_nobody_knows_what_it_brought() -> None:
    assert differences(SERVICE, container(), None) == ()
    assert differences({**SERVICE, "command": ["other"]}, container(), None) == ("command: another one",)


@pytest.mark.parametrize("document", [{}, {"Config": None, "HostConfig": None, "Mounts": None}])
def test_what_the_engine_leaves_out_ends_in_no_error(document: dict[str, Any]) -> None:
    assert differences({}, document, None) == ()


MODEL = {
    "configs": {"app": {"name": "p_app", "file": "/copies/new/app.conf"}, "note": {"name": "p_note", "content": "x"}},
    "secrets": {"token": {"name": "p_token", "environment": "TOKEN"}, "key": {"name": "p_key", "file": "/keys/key"}},
}
USING = {
    **SERVICE,
    "configs": [{"source": "app", "target": "/etc/app.conf"}, {"source": "note"}],
    "secrets": [{"source": "token"}, {"source": "key"}],
}


def mounted(*more: tuple[str, str]) -> dict[str, Any]:
    found = container()
    return {**found, "Mounts": found["Mounts"] + [{"Source": source, "Destination": at} for source, at in more]}


def test_configs_and_secrets_from_files_are_no_volumes_and_are_named_where_they_changed() -> None:
    same = ("/copies/new/app.conf", "/etc/app.conf"), ("/keys/key", "/run/secrets/key")
    assert differences(USING, mounted(*same), IMAGE, MODEL) == ()
    other = ("/copies/old/app.conf", "/etc/app.conf")
    assert differences(USING, mounted(other), IMAGE, MODEL) == ("configs: app changed", "secrets: key not there")


def test_values_that_nobody_sees_are_named_as_what_it_may_be() -> None:
    assert hidden(USING, MODEL) == ("configs: another value of note", "secrets: another value of token")
    assert hidden(SERVICE, MODEL) == ()
