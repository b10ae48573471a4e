"""Where an engine is found to be, what `docker` is told, and what its troubles are called."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import NoReturn

import pytest

from windlass import process
from windlass.config.load import load_project
from windlass.deploy.docker import engine, remote, ssh
from windlass.deploy.docker.mounts import Source, refuse_elsewhere
from windlass.deploy.docker.reach import Login, Reach, loopback_ports, resolve, why
from windlass.errors import ConfigError, EngineUnavailable
from windlass.model.project import EngineSpec


def nowhere(context: str) -> str:
    raise AssertionError(f"{context} was asked for")


def found(spec: EngineSpec | None = None, current: str = "", at: str = "", **environ: str) -> Reach:
    return resolve(spec, environ, current, (lambda context: at) if at else nowhere)


def test_nothing_declared_is_this_machine_and_docker_is_told_nothing() -> None:
    assert found() == Reach()
    assert found(current="default") == Reach()
    assert found(DOCKER_CONTEXT="default", current="lab") == Reach()


@pytest.mark.parametrize(
    ("reach", "kind", "host"),
    [
        (found(DOCKER_HOST="ssh://me@example.org:2222"), "ssh", "example.org"),
        (found(DOCKER_HOST="tcp://10.0.0.7:2376", current="lab"), "tcp", "10.0.0.7"),
        (found(DOCKER_CONTEXT="lab", at="ssh://lab"), "ssh", "lab"),
        (found(current="lab", at="tcp://[2001:db8::1]:2376"), "tcp", "2001:db8::1"),
        (found(current="lab", at="unix:///run/user/1000/docker.sock"), "here", "localhost"),
        (found(DOCKER_HOST="tcp://127.0.0.1:2375"), "here", "localhost"),
        (found(EngineSpec("tcp://127.0.0.1:2376")), "tcp", "127.0.0.1"),
        (found(EngineSpec("ssh://a@b", address="app.example.org")), "ssh", "app.example.org"),
        (found(EngineSpec("context:lab"), at="ssh://lab"), "ssh", "lab"),
    ],
)
def test_the_engine_and_its_published_ports_are_where_docker_would_go(reach: Reach, kind: str, host: str) -> None:
    assert (reach.kind, reach.host) == (kind, host)


def test_what_an_environment_declares_silences_the_users_variables() -> None:
    user = {"DOCKER_HOST": "tcp://elsewhere:2375", "DOCKER_CONTEXT": "lab", "DOCKER_TLS_VERIFY": "1"}
    over_ssh = resolve(EngineSpec("ssh://deploy@host"), user, "lab", nowhere)
    assert dict(over_ssh.environ) == {
        "DOCKER_HOST": "ssh://deploy@host",
        "DOCKER_CONTEXT": "",
        "DOCKER_TLS_VERIFY": "",
        "DOCKER_CERT_PATH": "",
    }
    by_tls = resolve(EngineSpec("tcp://host:2376", certificates="/certs"), user, "lab", nowhere)
    assert by_tls.environ["DOCKER_TLS_VERIFY"] == "1" and by_tls.environ["DOCKER_CERT_PATH"] == "/certs"
    assert "DOCKER_CERT_PATH" not in resolve(EngineSpec("tcp://host:2376"), user, "", nowhere).environ
    context = resolve(EngineSpec("context:prod"), user, "lab", lambda name: f"ssh://{name}")
    assert (context.environ["DOCKER_HOST"], context.environ["DOCKER_CONTEXT"]) == ("", "prod")


@pytest.mark.parametrize("address", ["ssh://", "tcp://host:port", "ssh://host:99999", "tcp://:2376"])
def test_an_address_that_cannot_be_read_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="address"):
        found(DOCKER_HOST=address)


def test_registries_that_only_this_machine_reaches_are_told_by_their_host() -> None:
    names = ["localhost:5077/a/b@sha256:1", "127.0.0.1:99/c", "busybox:1", "example.org:5000/x:localhost", "localhost:5077/c"]  # fmt: skip
    assert loopback_ports(names) == [99, 5077]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("No ED25519 host key is known for x\nHost key verification failed.", "host key .* not known"),
        ("WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!\nHost key verification failed.", "not the known one"),
        ("deploy@x: Permission denied (publickey).", "login .* refused"),
        ("no such identity: /x\nWarning: Identity file /x not accessible: No such file.", "key .* cannot be used"),
        ("ssh: Could not resolve hostname x: Name or service not known", "is not known"),
        ("ssh: connect to host x port 22: Connection refused", "is not reached"),
        ("timed out", "is not reached"),
        ("sh: 1: docker: not found", "no docker program"),
        ("bash: line 1: docker: command not found", "no docker program"),
        ("permission denied while trying to connect to the Docker daemon socket", "refuses this user"),
        ("Cannot connect to the Docker daemon at http://docker.example.com. Is it running?", "does not run"),
        ("unable to resolve docker endpoint: open /c/ca.pem: no such file or directory", "certificates .* missing"),
        ("remote error: tls: bad certificate", "does not accept the client certificate"),
        (
            "write tcp 127.0.0.1:1->127.0.0.1:2: write: connection reset by peer",
            "does not accept the client certificate",
        ),
        ("remote error: tls: certificate required", "does not accept the client certificate"),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "not trusted"),
        ("http: server gave HTTP response to HTTPS client", "does not speak TLS"),
        ("", "does not answer: no answer"),
        ("something else", "does not answer: something else"),
    ],
)
def test_troubles_are_named_with_a_remedy(said: str, message: str) -> None:
    told, remedy = why(said, found(EngineSpec("ssh://deploy@x")))
    assert remedy
    assert re.search(message, told), told
    assert "ssh://deploy@x" in told and "{" not in told


def test_files_of_this_machine_are_refused_with_service_and_path() -> None:
    mine = Source("/r/www", "www", False, True, "services.web.volumes")
    secret = Source("/r/token", "token", False, False, "secrets.token.file")
    theirs = Source("/srv/data", None, True, True, "services.db.volumes")
    refuse_elsewhere([theirs], "ssh://x")
    with pytest.raises(ConfigError) as refused:
        refuse_elsewhere([theirs, mine, secret], "ssh://x")
    assert refused.value.where == "services.web.volumes"
    assert "www (services.web.volumes), token (secrets.token.file)" in refused.value.message
    assert "/srv/data" not in refused.value.message and refused.value.remedy


def test_every_ssh_keeps_to_the_shared_connection_asks_nothing_and_checks_host_keys() -> None:
    login = Login("host", "deploy", 2222, "/keys/a b", "/known hosts")
    words = ssh.options(login, Path("/c"))
    assert "BatchMode=yes" in words and "ControlPath=/c" in words
    assert words[words.index("-i") :][:2] == ["-i", "/keys/a b"]
    assert not any("StrictHostKeyChecking" in word for word in words)
    assert "'/keys/a b'" in ssh.shim("/usr/bin/ssh", login, Path("/c"))
    assert login.words == ["-l", "deploy", "-p", "2222", "--", "host"]
    assert ssh.parse_hostname("user me\nhostname 10.0.0.1\n", "x") == "10.0.0.1"
    assert ssh.parse_hostname("", "x") == "x"


def test_an_engine_behind_tls_cannot_have_a_registry_of_this_machine() -> None:
    access = remote.Access(EngineSpec("tcp://host:2376"))
    with pytest.raises(ConfigError, match="localhost:5077") as refused, access.lending(["localhost:5077/a@sha256:1"]):
        pass
    assert "registry_reachable" in (refused.value.remedy or "")
    with access.lending(["example.org/a"]) as hindrance:
        assert hindrance == ""
    with remote.Access(EngineSpec("tcp://host:2376", registry_reachable=True)).lending(["localhost:5077/a"]) as said:
        assert said == ""


def test_containers_behind_tls_are_not_taken_for_this_machines_own() -> None:
    assert not remote.Access(EngineSpec("tcp://127.0.0.1:2376")).reaches(["127.0.0.1"])
    assert remote.Access().reaches(["127.0.0.1"])


def test_the_users_context_is_read_from_dockers_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    for text, name in (("{}", ""), ('{"currentContext": "lab"}', "lab"), ("[]", ""), ("no", "")):
        (tmp_path / "config.json").write_text(text)
        assert remote.current_context() == name


def test_where_ports_are_follows_the_users_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    assert engine.host() == "localhost"
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.7:2376")
    assert engine.host() == "10.0.0.7"


CONFIG = "project: p\ncompose: [compose.yml]\nenvironments:\n  prod:\n    engine: {}\n"


@pytest.mark.parametrize(
    "address",
    ["host", "http://host", "tcp://host", "tcp://me@host:1", "ssh://", "ssh://me:secret@host", "ssh://-oProxyCommand=x",
     "ssh://-l@host", "ssh://host/path", "ssh://host:0x", "'context:'", "context:a b", "unix://", "''", "7", "[]", "{}",
     "{host: 'ssh://h', key: x}"],
)  # fmt: skip
def test_a_wrong_engine_is_one_line(tmp_path: Path, address: str) -> None:
    (tmp_path / "compose.yml").write_text("services: {}\n")
    (tmp_path / "windlass.yaml").write_text(CONFIG.format(address))
    with pytest.raises(ConfigError) as refused:
        load_project(tmp_path)
    assert "environments.prod.engine" in str(refused.value) and "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)


def answering(monkeypatch: pytest.MonkeyPatch, code: int, out: str, err: str = "") -> engine.Docker:
    def run(argv: object, **words: object) -> process.Completed:
        return process.Completed(("docker",), code, out, err)

    monkeypatch.setattr(process, "run", run)
    return engine.Docker(EngineSpec("tcp://host.example:2376"))


def test_an_engine_that_compose_cannot_talk_to_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    docker = answering(monkeypatch, 0, '{"Version": "18.09.1", "ApiVersion": "1.39"}')
    monkeypatch.setattr(socket, "create_connection", lambda *args, **words: open_end())
    with pytest.raises(EngineUnavailable, match=r"tcp://host.example:2376 is Docker 18.09.1: too old") as refused:
        docker.connect()
    assert refused.value.exit_code == 7


def test_a_host_that_is_not_reached_ends_before_docker_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    docker = answering(monkeypatch, 0, "{}")

    def late(*args: object, **words: object) -> NoReturn:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", late)
    monkeypatch.setattr(process, "run", late)
    with pytest.raises(EngineUnavailable, match="not reached") as refused:
        docker.connect()
    assert refused.value.exit_code == 7


def open_end() -> socket.socket:
    return socket.socket()


def test_an_engine_that_never_reaches_the_registry_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text("services: {}\n")
    (tmp_path / "windlass.yaml").write_text(CONFIG.format("tcp://host:2376"))
    with pytest.raises(ConfigError, match="embedded registry") as refused:
        load_project(tmp_path)
    assert "environments.prod.engine" in str(refused.value)
