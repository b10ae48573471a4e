"""TLS that ends at the edge and begins again: the user's certificate, HTTP's way of switching, renewal without a cut."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import write
from tests.engine.deploy.remote_hosts import ssh_host
from tests.engine.deploy.serving import CHECK, SERVER, Line, Load, fresh, keeping
from windlass import process
from windlass.deploy.docker import DockerTarget, engine
from windlass.errors import ConfigError
from windlass.model.observation import Endpoint
from windlass.model.project import EdgeSpec, EngineSpec, TlsSpec
from windlass.verify.http import send
from windlass.verify.probe import Request
from windlass.waiting import wait_for

pytestmark = pytest.mark.needs("openssl")

COMPOSE = """
services:
  web:
    image: python:3.12-slim
    command: python /app/server.py
    environment: {{VERSION: "{version}"}}
    ports: ["{port}:8443"]
    volumes: ["./app:/app:ro"]
    stop_grace_period: 2s
    healthcheck: {{test: {check}, interval: 1s, retries: 25}}
"""


def release(world: Any, id: str, port: int, own: str, version: str) -> Any:
    """A release whose container speaks TLS with a certificate of its own (PEM, with key)."""
    text = COMPOSE.format(version=version, port=port, check=CHECK)
    return world.release(id, world.write({"compose.yml": text, "app/server.py": SERVER, "app/server.pem": own}))


def edge(certificate: Path, key: Path, **more: str) -> EdgeSpec:
    return EdgeSpec(drain=4.0, watch=0.5, tls=(TlsSpec("web", 8443, str(certificate), str(key), **more),))


def kept(port: int, *, name: str = "shop.example.org") -> http.client.HTTPSConnection:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
    connection.connect()
    return connection


def ask(connection: http.client.HTTPSConnection) -> str:
    connection.request("GET", "/")
    answer = connection.getresponse()
    text = answer.read().decode()
    return text if answer.status == 200 else f"status {answer.status}"


def shown(port: int) -> str:
    """The certificate that users are shown, as it stands in its file."""
    return ssl.get_server_certificate(("127.0.0.1", port)).strip()


def the_edge(target: DockerTarget) -> Any:
    return next(container for container in engine.containers(target.name) if container.edge)


def own(tmp_path: Path) -> tuple[str, Path]:
    """The certificate that containers have, with its key; and the file with the certificate alone."""
    certificate, key = write(tmp_path / "own", "web")
    return key.read_text() + certificate.read_text(), certificate


def test_kept_https_connections_are_switched_without_a_failure_and_renewal_cuts_none(
    world: Any, port: Callable[[], int], tmp_path: Path
) -> None:
    at, (upstream, _) = port(), own(tmp_path)
    first, key = write(tmp_path / "first", "shop.example.org")
    target = world.target(edge=edge(first, key))
    world.deploy(target, release(world, "r0", at, upstream, "0"))
    assert shown(at) == first.read_text().strip()
    container, line = the_edge(target).id, kept(at)
    assert ask(line) == "0"
    clients = [*(keeping(at, tls=True) for _ in range(2)), *(fresh(at, tls=True) for _ in range(2))]
    with Load().running(*clients, fresh(at, "/slow", tls=True)) as load:
        world.deploy(target, release(world, "r1", at, upstream, "1"), 2)
        assert ask(line) == "1"  # the requests of one connection go to different containers
        target.restore(release(world, "r0", at, upstream, "0"), 3, world.events.append)
        assert ask(line) == "0"

        renewed, key = write(tmp_path / "renewed", "shop.example.org")
        target = world.target(edge=edge(renewed, key))
        same = release(world, "r0", at, upstream, "0")
        prepared = target.prepare(same, world.events.append)
        assert [(c.service, c.action) for c in prepared.changes if c.action != "keep"] == [("windlass-edge", "update")]
        world.deploy(target, same, 4)
        assert shown(at) == renewed.read_text().strip()
        assert ask(line) == "0"  # the connection of before the renewal
        assert target.prepare(same, world.events.append).nothing_to_do
    assert load.failures == []
    assert set(load.answers) == {"0", "1"}
    assert load.total > 100
    assert the_edge(target).id == container
    line.close()

    process.run(["docker", "restart", "--time", "0", container], check=True)
    assert wait_for(lambda: _shown(at), bool, seconds=30) == renewed.read_text().strip()

    secret = key.read_text().splitlines()[1]
    seen = [
        process.run(["docker", "inspect", container]).stdout,
        process.run(["docker", "logs", container]).stdout,
        repr(world.events),
        repr(prepared),
        *(f.read_text() for f in world.home.rglob("*") if f.is_file() and f.suffix in (".json", ".log")),
    ]
    assert not [text for text in seen if secret in text]


def _shown(port: int) -> str:
    try:
        return shown(port)
    except OSError:
        return ""


def test_the_container_is_spoken_to_in_tls_and_held_to_an_authority_where_one_is_named(
    world: Any, port: Callable[[], int], tmp_path: Path
) -> None:
    at, (upstream, authority) = port(), own(tmp_path)
    certificate, key = write(tmp_path / "shown", "shop.example.org")
    stranger, _ = write(tmp_path / "stranger", "web")
    target = world.target(edge=edge(certificate, key, upstream_ca=str(authority)))
    r1 = release(world, "r1", at, upstream, "1")
    world.deploy(target, r1)
    line = kept(at)
    assert ask(line) == "1"
    line.close()
    strict = world.target(edge=edge(certificate, key, upstream_ca=str(stranger)))
    world.deploy(strict, r1, 2)
    line = kept(at)
    assert ask(line) == "status 503"  # it is asked for, and not the one that is vouched for
    line.close()
    renamed = world.target(edge=edge(certificate, key, upstream_ca=str(authority), upstream_name="other.example.org"))
    world.deploy(renamed, r1, 3)
    line = kept(at)
    assert ask(line) == "status 503"
    line.close()
    plain = world.target(edge=EdgeSpec(drain=4.0, watch=0.5))
    world.deploy(plain, r1, 4)
    assert shown(at) == authority.read_text().strip()  # passed through: the container's own
    left = process.run(["docker", "exec", the_edge(plain).id, "ls", "-A", "/tmp/windlass-tls"]).stdout
    assert left == ""
    world.deploy(target, r1, 5)
    assert shown(at) == certificate.read_text().strip()


@pytest.mark.needs("curl")
def test_checks_websockets_and_http_2_go_through_an_edge_that_ends_tls(
    world: Any, port: Callable[[], int], tmp_path: Path
) -> None:
    at, (upstream, _) = port(), own(tmp_path)
    certificate, key = write(tmp_path / "shown", "shop.example.org")
    target = world.target(edge=edge(certificate, key))
    world.deploy(target, release(world, "r1", at, upstream, "1"))
    upgraded = upgrade(at)
    assert upgraded.say("a") == "1 a"

    checked = target.check(target.prepare(release(world, "r2", at, upstream, "2"), world.events.append), quiet, 2)
    assert probe(target.endpoint_beside(checked, "web", 8443)) == "2"  # the container itself, before the switch
    assert probe(target.endpoint("web", 8443)) == "1"
    target.switch(checked, 2, quiet)
    assert probe(target.endpoint("web", 8443)) == "2"
    assert upgraded.say("b") == "1 b"  # what is open stays with the old one
    upgraded.close()

    asked = [
        "curl",
        "--silent",
        "--http2",
        "--cacert",
        str(certificate),
        "--resolve",
        f"shop.example.org:{at}:127.0.0.1",
    ]
    done = process.run([*asked, "--write-out", " %{http_version}", f"https://shop.example.org:{at}/"], check=True)
    assert done.stdout == "2 2"


def quiet(event: object) -> None:
    pass


def probe(endpoint: Endpoint | None) -> str:
    assert endpoint is not None
    answer = send(Request("GET", f"https://{endpoint.host}:{endpoint.port}/", {}, None, insecure=True, timeout=10))
    return answer.body.decode()


def upgrade(port: int) -> Line:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return Line(port, upgrade=True, context=context)


@pytest.mark.needs("sshd", "ssh", "ssh-keygen")
def test_an_engine_elsewhere_is_handed_the_certificate_and_its_renewal(
    world: Any, port: Callable[[], int], tmp_path: Path
) -> None:
    at, (upstream, _) = port(), own(tmp_path)
    with ssh_host(tmp_path / "ssh") as host, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        files = {"server.py": SERVER, "server.pem": upstream}
        text = COMPOSE.format(version="1", port=at, check=CHECK).replace('volumes: ["./app:/app:ro"]', "configs: %s")
        mounted = [{"source": name, "target": f"/app/{name}"} for name in files]
        contents = {name: {"content": content.replace("$", "$$")} for name, content in files.items()}
        sent = f"{text % json.dumps(mounted)}configs: {json.dumps(contents)}\n"
        engine_there = EngineSpec(host.address, **host.keys)
        for turn, id in enumerate(("first", "renewed"), 1):
            certificate, key = write(tmp_path / id, "shop.example.org")
            target = world.target(edge=edge(certificate, key), engine=engine_there)
            world.deploy(target, world.release("r1", world.write({"compose.yml": sent})), turn)
            assert shown(at) == certificate.read_text().strip()


def test_a_file_that_will_not_do_is_refused_before_anything_is_touched(
    world: Any, port: Callable[[], int], tmp_path: Path
) -> None:
    at, (upstream, _) = port(), own(tmp_path)
    certificate, _ = write(tmp_path / "one", "shop.example.org")
    _, key = write(tmp_path / "two", "shop.example.org")
    target = world.target(edge=edge(certificate, key))
    with pytest.raises(ConfigError, match="does not fit") as refused:
        target.prepare(release(world, "r1", at, upstream, "1"), world.events.append)
    assert str(key) in refused.value.message and refused.value.remedy
    assert engine.containers(target.name) == []
    assert json.loads(process.run(["docker", "network", "ls", "--format", "json"]).stdout.splitlines()[0])
    assert target.name not in process.run(["docker", "network", "ls"]).stdout
