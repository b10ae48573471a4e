"""docker and skopeo, unmodified, against an embedded registry with users and TLS."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.registry.guarded import PASSWORD, GuardedServer, basic, write_users
from tests.integration.registry.serving import free_port

from windlass.process import Completed, run

ACCESS = """
alice: [{repositories: "**", actions: ["*"]}]
bob: [{repositories: "windlass-test-access/**", actions: [pull]}]
"""


@pytest.fixture(params=["tls", "http"])
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[GuardedServer]:
    """With TLS, passwords are asked for; without, tokens are issued."""
    root = tmp_path / "root"
    tls = request.param == "tls"
    write_users(root, "alice", "bob")
    (root / "access.yaml").write_text(ACCESS)
    options = ("--tls-self-signed",) if tls else ()
    found = GuardedServer(root, free_port(), options=options, scheme="https" if tls else "http")
    found.start()
    yield found
    found.end()


class Docker:
    """docker with credentials of its own, which are gone with the test."""

    def __init__(self, host: str, folder: Path) -> None:
        self.host = host
        self._folder = folder
        folder.mkdir()

    def __call__(self, *argv: str, stdin: str | None = None) -> Completed:
        return run(["docker", "--config", str(self._folder), *argv], input=stdin, timeout=300)

    def must(self, *argv: str, stdin: str | None = None) -> Completed:
        done = self(*argv, stdin=stdin)
        assert done.ok, done.stdout + done.stderr
        return done

    def login(self, user: str, password: str = PASSWORD) -> Completed:
        return self("login", "--username", user, "--password-stdin", self.host, stdin=password)

    def kept(self) -> dict[str, str]:
        found = json.loads((self._folder / "config.json").read_text())["auths"][self.host]
        assert isinstance(found, dict)
        return found


@pytest.fixture
def docker(server: GuardedServer, tmp_path: Path) -> Docker:
    return Docker(f"127.0.0.1:{server.port}", tmp_path / "docker")


@pytest.fixture
def image(docker: Docker, tmp_path: Path) -> Iterator[str]:
    name = f"{docker.host}/windlass-test-access/{uuid.uuid4().hex[:8]}:1"
    (tmp_path / "Dockerfile").write_text("FROM busybox:1\nCOPY Dockerfile /made-here\n")
    done = run(["docker", "build", "--quiet", "--provenance=false", "-t", name, str(tmp_path)], timeout=300)
    assert done.ok, done.stderr
    yield name
    run(["docker", "image", "rm", "--force", name])


def test_docker_logs_in_pushes_and_pulls(server: GuardedServer, docker: Docker, image: str) -> None:
    assert not docker("push", image).ok
    assert docker.login("alice").ok
    docker.must("push", image)
    docker.must("image", "rm", "--force", image)
    docker.must("pull", image)
    docker.must("logout", docker.host)
    assert not docker("pull", image).ok


@pytest.mark.parametrize("server", ["http"], indirect=True)
def test_docker_keeps_a_token_and_not_the_password(docker: Docker) -> None:
    assert docker.login("alice").ok
    kept = docker.kept()
    assert kept["identitytoken"]
    assert PASSWORD not in json.dumps(kept)


@pytest.mark.parametrize("server", ["http"], indirect=True)
def test_a_wrong_password_is_said_to_be_one(docker: Docker) -> None:
    done = docker.login("alice", "wrong")
    assert not done.ok
    assert "unauthorized" in done.stderr
    assert "wrong user name or password" in done.stderr


def test_who_may_pull_only_cannot_push(server: GuardedServer, docker: Docker, image: str) -> None:
    assert docker.login("alice").ok
    docker.must("push", image)
    assert docker.login("bob").ok
    docker.must("pull", image)
    other = f"{image.removesuffix(':1')}-bob:1"
    docker.must("tag", image, other)
    try:
        done = docker("push", other)
    finally:
        docker.must("image", "rm", "--force", other)
    assert not done.ok
    assert "denied" in done.stderr.lower() or "403" in done.stderr
    assert server.request("GET", f"/v2/{other.partition('/')[2][:-2]}/tags/list", headers=basic("alice")).status == 404


@pytest.mark.needs("skopeo")
def test_skopeo_copies_mounts_inspects_and_deletes(
    server: GuardedServer, docker: Docker, image: str, tmp_path: Path
) -> None:
    assert docker.login("alice").ok
    docker.must("push", image)
    name = image.rpartition(":")[0]
    alice, bob = f"alice:{PASSWORD}", f"bob:{PASSWORD}"

    def skopeo(*argv: str) -> Completed:
        return run(["skopeo", *argv], timeout=300)

    copied = skopeo(
        *("copy", "--src-creds", bob, "--dest-creds", alice, "--src-tls-verify=false", "--dest-tls-verify=false"),
        *(f"docker://{image}", f"docker://{name}-copy:1"),
    )
    assert copied.ok, copied.stderr
    folder = tmp_path / "layout"
    pulled = skopeo("copy", "--src-creds", bob, "--src-tls-verify=false", f"docker://{name}-copy:1", f"oci:{folder}:1")
    assert pulled.ok, pulled.stderr
    refused = skopeo(
        "copy", "--dest-creds", bob, "--dest-tls-verify=false", f"oci:{folder}:1", f"docker://{name}-bob:1"
    )
    assert not refused.ok
    assert "denied" in refused.stderr
    assert not skopeo("delete", "--creds", bob, "--tls-verify=false", f"docker://{name}-copy:1").ok
    deleted = skopeo("delete", "--creds", alice, "--tls-verify=false", f"docker://{name}-copy:1")
    assert deleted.ok, deleted.stderr
    path = name.partition("/")[2]
    assert server.request("GET", f"/v2/{path}-copy/manifests/1", headers=basic("alice")).status == 404
    assert not skopeo("inspect", "--no-creds", "--tls-verify=false", f"docker://{image}").ok


@pytest.mark.needs("skopeo")
@pytest.mark.parametrize("server", ["tls"], indirect=True)
def test_the_certificate_holds_for_clients_that_check_it(
    server: GuardedServer, docker: Docker, image: str, tmp_path: Path
) -> None:
    assert docker.login("alice").ok
    docker.must("push", image)
    (tmp_path / "trusted").mkdir()
    shutil.copy(server.root / "tls" / "ca.crt", tmp_path / "trusted")
    trusting = ["--cert-dir", str(tmp_path / "trusted"), "--creds", f"bob:{PASSWORD}"]
    done = run(["skopeo", "inspect", *trusting, f"docker://{image}"], timeout=180)
    assert done.ok, done.stderr
    refused = run(["skopeo", "inspect", "--creds", f"bob:{PASSWORD}", f"docker://{image}"], timeout=180)
    assert not refused.ok
    assert "certificate" in refused.stderr
