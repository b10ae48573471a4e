"""An engine on another host: the same engine, reached through an SSH server or through TLS.

The engine that `docker` would reach by itself is made unreachable meanwhile: whatever goes there fails.
"""

from __future__ import annotations

import socket
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.engine.deploy.remote_hosts import SSH_HOST, SshHost, TlsHost, ssh_host, tls_host
from tests.ports import free_port
from windlass import process
from windlass.deploy.docker.engine import Docker
from windlass.deploy.docker.ssh import Connection
from windlass.errors import ConfigError, EngineUnavailable, WindlassError
from windlass.model.events import Notice
from windlass.model.observation import Endpoint
from windlass.model.project import EngineSpec
from windlass.waiting import wait_for

COMPOSE = """
services:
  web:
    build: .
    command: sh -c 'echo {page} > /tmp/index.html; exec httpd -f -p 80 -h /tmp'
    stop_signal: SIGKILL
    ports: ["{port}:80"]
    configs: [{{source: sent, target: /sent}}]
    volumes: ["data:/data"]
    healthcheck: {{test: [CMD, wget, -q, -O, "-", "http://127.0.0.1/"], interval: 1s}}
configs: {{sent: {{content: "sent by Compose"}}}}
volumes: {{data: {{}}}}
"""


def page(endpoint: Endpoint | None) -> str:
    assert endpoint is not None

    def fetch() -> str:
        try:
            with urllib.request.urlopen(f"http://{endpoint.host}:{endpoint.port}/", timeout=5) as answer:
                return str(answer.read().decode()).strip()
        except OSError:
            return ""

    return wait_for(fetch, bool, seconds=20)


@contextmanager
def without_own_engine() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        yield


@pytest.fixture(scope="module")
def by_ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHost]:
    with ssh_host(tmp_path_factory.mktemp("ssh") / "host") as host:
        yield host


@pytest.fixture(scope="module")
def by_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsHost]:
    with tls_host(tmp_path_factory.mktemp("tls")) as host:
        yield host


def there_and_back(world: Any, port: int, spec: EngineSpec, *, beside: bool) -> None:
    """A deployment, an update and the way back; each is served, and nothing is done anywhere else."""
    stateless = COMPOSE.replace('    volumes: ["data:/data"]\n', "")
    target = world.target(engine=spec, verify_timeout=20.0)
    with without_own_engine():
        first = world.release("r1", world.write({"compose.yml": stateless.format(page="one", port=port)}), web="1")
        world.deploy(target, first)
        where = target.endpoint("web", 80)
        assert where == Endpoint(spec.address or SSH_HOST if beside else "127.0.0.1", port)
        assert page(where) == "one"

        second = world.release("r2", world.write({"compose.yml": stateless.format(page="two", port=port)}), web="2")
        checked = target.check(target.prepare(second, world.events.append), world.events.append, 2)
        assert page(where) == "one"
        if beside:
            assert checked.services == ("web",)
            assert page(target.endpoint_beside(checked, "web", 80)) == "two"
        else:
            assert checked.services == () and checked.beside
            assert any("checked after it" in e.text for e in world.events if isinstance(e, Notice))
        deployed = target.switch(checked, 2, world.events.append)
        target.watch(deployed, world.events.append)
        assert page(where) == "two"
        state = target.observe().service("web")
        assert (state.release, state.digest) == ("r2", world.images.digests["2"])

        target.restore(first, 3, world.events.append)
        assert page(where) == "one"
    names = process.run(["docker", "ps", "--filter", f"label=com.docker.compose.project={target.name}", "-q"])
    assert names.stdout.split()


@pytest.mark.needs("sshd", "ssh", "ssh-keygen")
def test_a_release_goes_through_ssh_and_back_over_one_connection(
    world: Any, port: Callable[[], int], by_ssh: SshHost
) -> None:
    before = by_ssh.logins
    there_and_back(world, port(), EngineSpec(by_ssh.address, **by_ssh.keys), beside=True)
    assert by_ssh.logins - before <= 1


@pytest.mark.needs("openssl")
def test_a_release_goes_through_tls_and_back(world: Any, port: Callable[[], int], by_tls: TlsHost) -> None:
    spec = EngineSpec(by_tls.address, certificates=str(by_tls.certificates), registry_reachable=True)
    there_and_back(world, port(), spec, beside=False)


@pytest.mark.needs("sshd", "ssh", "ssh-keygen")
def test_a_registry_of_this_machine_is_lent_for_the_time_of_the_pull(world: Any, by_ssh: SshHost) -> None:
    docker = Docker(EngineSpec(by_ssh.address, **by_ssh.keys))
    other, own = free_port(), int(world.images.host.partition(":")[2])
    lent = f"localhost:{other}/windlass-test-deploy/web@{world.images.digests['3']}"
    login = docker.reach.login
    assert login is not None
    docker.environ()
    try:
        assert not docker.run(["docker", "pull", lent]).ok
        with Connection(login).lent(other, local=own) as there:
            assert there
            assert docker.run(["docker", "pull", lent]).ok
        _closes(other)
        assert not docker.run(["docker", "pull", lent]).ok
    finally:
        process.run(["docker", "rmi", lent])


@pytest.mark.needs("sshd", "ssh", "ssh-keygen")
def test_of_two_runs_that_lend_the_same_registry_the_first_to_end_leaves_it_to_the_other(by_ssh: SshHost) -> None:
    docker = Docker(EngineSpec(by_ssh.address, **by_ssh.keys))
    docker.environ()
    login = docker.reach.login
    assert login is not None
    with socket.create_server(("127.0.0.1", 0)) as registry:
        other, own = free_port(), registry.getsockname()[1]
        with ExitStack() as first, Connection(login).lent(other, local=own) as there:
            assert there and first.enter_context(Connection(login).lent(other, local=own))
            assert is_open(other)
            first.close()
            assert is_open(other)
        _closes(other)
        with Connection(login).lent(other, local=own) as there:
            assert there and is_open(other)


def _closes(port: int) -> None:
    """ssh asks for it, and waits for no answer."""
    wait_for(lambda: is_open(port), lambda there: not there, seconds=30)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.needs("sshd", "ssh", "ssh-keygen")
def test_files_of_the_repository_are_refused_before_anything_starts(
    world: Any, port: Callable[[], int], by_ssh: SshHost
) -> None:
    mounted = COMPOSE.replace('["data:/data"]', '["./www:/www:ro"]').format(page="x", port=port())
    tree = world.write({"compose.yml": mounted, "www/index.html": "x"})
    target = world.target(engine=EngineSpec(by_ssh.address, **by_ssh.keys))
    with without_own_engine(), pytest.raises(ConfigError, match=r"www \(services.web.volumes\)"):
        target.prepare(world.release("r1", tree, web="1"), world.events.append)
    assert not process.run(
        ["docker", "ps", "-aq", "--filter", f"label=com.docker.compose.project={target.name}"]
    ).stdout


def refused(spec: EngineSpec) -> EngineUnavailable:
    began = time.monotonic()
    with without_own_engine(), pytest.raises(WindlassError) as error:
        Docker(spec).connect()
    assert isinstance(error.value, EngineUnavailable)
    assert error.value.exit_code == 7 and error.value.remedy
    assert time.monotonic() - began < 60  # a guard against waiting for ever
    return error.value


@pytest.mark.needs("sshd", "ssh", "ssh-keygen")
def test_what_is_wrong_with_ssh_is_said(by_ssh: SshHost, tmp_path: Path) -> None:
    keys = by_ssh.keys
    (tmp_path / "nobody").touch()
    unknown = refused(EngineSpec(by_ssh.address, identity=keys["identity"], known_hosts=str(tmp_path / "nobody")))
    assert "host key" in unknown.message and "not known" in unknown.message
    strange = (by_ssh.folder / "strange.pub").read_text()
    (tmp_path / "changed").write_text(f"[{SSH_HOST}]:{by_ssh.port} {strange}")
    changed = refused(EngineSpec(by_ssh.address, identity=keys["identity"], known_hosts=str(tmp_path / "changed")))
    assert "not the known one" in changed.message
    login = refused(
        EngineSpec(by_ssh.address, identity=str(by_ssh.folder / "strange"), known_hosts=keys["known_hosts"])
    )
    assert "login" in login.message
    assert "not reached" in refused(EngineSpec(f"ssh://{SSH_HOST}:{free_port()}", **keys)).message
    assert "host" in refused(EngineSpec("ssh://windlass-test.invalid", **keys)).message


@pytest.mark.needs("sshd", "ssh", "ssh-keygen")
def test_what_is_missing_at_the_other_end_is_said(tmp_path: Path) -> None:
    with ssh_host(tmp_path / "bare", PATH="/nonexistent") as bare:
        assert "no docker program" in refused(EngineSpec(bare.address, **bare.keys)).message
    with ssh_host(tmp_path / "stopped", DOCKER_HOST="unix:///nonexistent/docker.sock") as stopped:
        assert "does not run" in refused(EngineSpec(stopped.address, **stopped.keys)).message


@pytest.mark.needs("openssl")
def test_what_is_wrong_with_tls_is_said(by_tls: TlsHost, tmp_path: Path) -> None:
    assert "client certificate" in refused(EngineSpec(by_tls.address, certificates=str(by_tls.strange))).message
    other = by_tls.certificates.parent / "strange"
    assert "not trusted" in refused(EngineSpec(by_tls.address, certificates=str(other))).message
    assert "missing" in refused(EngineSpec(by_tls.address, certificates=str(tmp_path))).message
    assert "not reached" in refused(EngineSpec(f"tcp://127.0.0.1:{free_port()}")).message


@pytest.mark.needs("openssl")
def test_a_docker_context_leads_to_its_engine(by_tls: TlsHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    name, folder = f"windlass-test-{uuid.uuid4().hex[:8]}", by_tls.certificates
    files = f"ca={folder}/ca.pem,cert={folder}/cert.pem,key={folder}/key.pem"
    process.run(["docker", "context", "create", name, "--docker", f"host={by_tls.address},{files}"], check=True)
    with without_own_engine():
        assert Docker(EngineSpec(f"context:{name}")).connect().version
        assert "windlass-none" in refused(EngineSpec("context:windlass-none")).message
    process.run(["docker", "context", "use", name], check=True)
    assert Docker().connect().version
