"""Two services share a published port: the name that a client asks for decides, and each switches as always."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import write
from tests.engine.deploy.serving import CHECK, SERVER, Load
from windlass.model.project import EdgeSpec, SniSpec, TlsSpec
from windlass.waiting import wait_for

pytestmark = pytest.mark.needs("openssl")

COMPOSE = """
services:
  shop:
    image: python:3.12-slim
    command: python /app/server.py
    environment: {{VERSION: "shop {shop}"}}
    expose: ["8443"]
    volumes: ["./shop:/app:ro"]
    stop_grace_period: 2s
    healthcheck: &check {{test: {check}, interval: 1s, retries: 25}}
  api:
    image: python:3.12-slim
    command: python /app/server.py
    environment: {{VERSION: "api {api}"}}
    expose: ["8443"]
    volumes: ["./api:/app:ro"]
    stop_grace_period: 2s
    healthcheck: *check
"""


def asked(port: int, name: str | None) -> tuple[str, str]:
    """What a client that asks for a name is told, and the certificate that it is shown. Raises OSError."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=name) as line,
    ):
        certificate = line.getpeercert(binary_form=True) or b""
        line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: line.recv(4096), b"")).decode()
    return answer.partition("\r\n\r\n")[2], ssl.DER_cert_to_PEM_cert(certificate).strip()


def asking(port: int, name: str) -> Any:
    def run(load: Load, stop: Any) -> None:
        while not stop.is_set():
            try:
                load.note(asked(port, name)[0] or None, f"{name}: nothing")
            except OSError as error:
                load.note(None, f"{name}: {error!r}")
            stop.wait(0.04)

    return run


def test_the_name_a_client_asks_for_decides_between_two_services_on_one_port(
    world: Any, port: Callable[[], int], tmp_path: Path
) -> None:
    at = port()
    own = {name: write(tmp_path / name, f"{name}.example.org") for name in ("shop", "api", "front")}

    def release(id: str, shop: str, api: str, *, without: str = "") -> Any:
        text = COMPOSE.format(shop=shop, api=api, check=CHECK)
        files = {"compose.yml": text.partition(f"  {without}:\n")[0] if without else text}
        for name in ("shop", "api"):
            certificate, key = own[name]
            files |= {f"{name}/server.py": SERVER, f"{name}/server.pem": key.read_text() + certificate.read_text()}
        return world.release(id, world.write(files))

    names = (SniSpec(at, "shop.example.org", "shop", 8443), SniSpec(at, "*.api.example.org", "api", 8443))
    target = world.target(edge=EdgeSpec(drain=4.0, watch=0.5, sni=names))
    world.deploy(target, release("r1", "1", "1"))
    said = wait_for(lambda: _or_nothing(at, "shop.example.org"), bool, seconds=60)
    assert said == ("shop 1", own["shop"][0].read_text().strip())
    assert asked(at, "v2.API.example.org") == ("api 1", own["api"][0].read_text().strip())
    for nobody in ("other.example.org", "a.b.api.example.org", None):
        with pytest.raises(OSError):
            asked(at, nobody)
    with socket.create_connection(("127.0.0.1", at), timeout=10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert plain.recv(10) == b""

    with Load().running(asking(at, "shop.example.org"), asking(at, "x.api.example.org")) as load:
        world.deploy(target, release("r2", "2", "1"), 2)
        assert asked(at, "shop.example.org")[0] == "shop 2"
        world.deploy(target, release("r3", "2", "3"), 3)
        assert asked(at, "x.api.example.org")[0] == "api 3"
        wait_for(lambda: set(load.answers), lambda said: {"shop 2", "api 3"} <= said, seconds=30)
    assert load.failures == []
    assert set(load.answers) == {"shop 1", "shop 2", "api 1", "api 3"}

    # Another name, and TLS that ends behind the one that tells names apart.
    certificate, key = own["front"]
    ends = (TlsSpec("shop", 8443, str(certificate), str(key)),)
    moved = (SniSpec(at, "front.example.org", "shop", 8443), names[1])
    target = world.target(edge=EdgeSpec(drain=4.0, watch=0.5, sni=moved, tls=ends))
    same = release("r3", "2", "3")
    prepared = target.prepare(same, world.events.append)
    assert {c.action for c in prepared.changes} == {"keep", "update"}
    assert any("shop.example.org" in c.reason and "leads nowhere" in c.reason for c in prepared.changes)
    world.deploy(target, same, 4)
    said = wait_for(lambda: _or_nothing(at, "front.example.org"), bool, seconds=60)
    assert said == ("shop 2", certificate.read_text().strip())
    wait_for(lambda: _or_nothing(at, "shop.example.org"), lambda said: said is None, seconds=10)
    assert target.prepare(same, world.events.append).nothing_to_do

    # A name goes with its service: it leads there until the release has proved well.
    target = world.target(edge=EdgeSpec(drain=20.0, watch=0.5, sni=moved[:1], tls=ends))
    fewer = release("r4", "2", "", without="api")
    checked = target.check(target.prepare(fewer, world.events.append), world.events.append, 5)
    deployed = target.switch(checked, 5, world.events.append)
    assert asked(at, "x.api.example.org")[0] == "api 3"
    target.watch(deployed, world.events.append)
    target.retire(deployed, world.events.append)
    wait_for(lambda: _or_nothing(at, "x.api.example.org"), lambda said: said is None, seconds=10)
    assert asked(at, "front.example.org")[0] == "shop 2"
    assert target.prepare(fewer, world.events.append).nothing_to_do


def _or_nothing(port: int, name: str) -> tuple[str, str] | None:
    try:
        return asked(port, name)
    except OSError:
        return None
