"""What a person is told where windlass cannot work: one message, a remedy, the right exit code, nothing left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.cli.installation import Installation, Ran, free_ports


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation.create(tmp_path, f"windlass-test-{uuid.uuid4().hex[:8]}")
    yield made
    made.destroy()


def told(ran: Ran, code: int, *words: str) -> None:
    assert ran.code == code, ran.out + ran.err
    said = " ".join((ran.out + ran.err).split())
    assert "Traceback" not in said
    assert said.count("error") == 1 or "failed" in said
    assert "do " in said
    for word in words:
        assert word in said


def windlass(folder: Path, *args: str, **env: str) -> Ran:
    done = subprocess.run(
        [sys.executable, "-m", "windlass", *args],
        cwd=folder,
        env={**os.environ, "WINDLASS_HOME": str(folder.parent / "home"), **env},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def test_no_git_repository(empty: Path) -> None:
    told(windlass(empty, "plan"), 7, "not a git repository", "git init")
    assert list(empty.iterdir()) == []


def test_a_repository_without_a_commit(empty: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=empty, check=True)
    told(windlass(empty, "plan"), 7, "no commit yet")


def test_no_compose_file(empty: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=empty, check=True)
    ran = windlass(empty, "init")
    assert ran.code == 64
    assert "there is no Compose file here" in " ".join(ran.err.split())
    assert [path.name for path in empty.iterdir()] == [".git"]


def test_no_windlass_yaml(installation: Installation) -> None:
    (installation.root / "windlass.yaml").unlink()
    ran = installation.windlass("run")
    assert ran.code == 64
    assert "windlass init" in ran.err


def test_an_unknown_key(installation: Installation) -> None:
    with (installation.root / "windlass.yaml").open("a") as file:
        file.write("paralel: 3\n")
    ran = installation.windlass("plan")
    assert ran.code == 64
    assert "paralel" in ran.err and "parallel" in ran.err
    assert "windlass.yaml:" in ran.err


def test_a_half_edited_configuration_does_not_stop_who_is_on_call(installation: Installation) -> None:
    installation.run()
    installation.write("windlass.yaml", "project: [")
    for command in (["status"], ["history", "production"], ["logs", "production"]):
        ran = installation.windlass(*command)
        assert ran.code == 0, ran.err
        assert "windlass.yaml" in ran.err and "the last commit's" in " ".join(ran.err.split())
    assert installation.windlass("plan").code == 64


def test_logs_of_an_environment_where_nothing_runs(installation: Installation) -> None:
    told(installation.windlass("logs", "production"), 64, "no service of production runs", "windlass status production")


def test_no_engine(installation: Installation) -> None:
    told(installation.windlass("run", "--progress", "quiet", DOCKER_HOST="unix:///nowhere.sock"), 7)
    ran = installation.windlass("status", DOCKER_HOST="unix:///nowhere.sock")
    assert ran.code == 7
    said = " ".join(ran.out.split())
    assert said.count("unknown what runs: the container engine does not answer") == 2 and "take DOCKER_HOST out" in said


def test_no_docker_program(installation: Installation, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("git", "sh", "env"):
        (programs / name).symlink_to(str(shutil.which(name)))
    told(installation.windlass("plan", PATH=str(programs)), 7, "docker", "install")


def test_no_registry(installation: Installation) -> None:
    config = installation.root / "windlass.yaml"
    (port,) = free_ports(1)
    config.write_text(config.read_text().replace("registry: embedded", f"registry: localhost:{port}"))
    told(installation.windlass("run", "--progress", "quiet"), 7, f"localhost:{port}")
    assert installation.containers("production") == {}


def test_the_embedded_registry_s_port_is_taken(installation: Installation) -> None:
    import http.server
    import threading

    taken = http.server.ThreadingHTTPServer(
        ("127.0.0.1", installation.ports["registry"]), http.server.BaseHTTPRequestHandler
    )
    threading.Thread(target=taken.serve_forever, daemon=True).start()
    try:
        told(installation.windlass("plan"), 7, f"port {installation.ports['registry']}", "taken")
    finally:
        taken.shutdown()
        taken.server_close()


def test_a_broken_dockerfile(installation: Installation) -> None:
    installation.write("web/Dockerfile", "FROM busybox:1\nCOPPY a b\n")
    ran = installation.windlass("run", "--progress", "quiet")
    told(ran, 8, "web/Dockerfile:2", "COPPY")
    assert installation.containers("production") == {}


def test_a_base_image_nobody_has(installation: Installation) -> None:
    installation.write("web/Dockerfile", "FROM localhost:1/no/such:image\n")
    told(installation.windlass("run", "--progress", "quiet"), 8, "localhost:1/no/such:image")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk(installation: Installation) -> None:
    home = installation.folder / "home"
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(home)], check=True)
    try:
        (home / "ballast").write_bytes(b"x" * 900_000)
        ran = installation.windlass("run", "--progress", "quiet")
        assert ran.code == 7, ran.out + ran.err
        said = " ".join((ran.out + ran.err).split())
        assert "disk is full" in said or "No space left" in said
        assert "Traceback" not in said
        assert installation.containers("production") == {}
    finally:
        installation.windlass("registry", "stop")
        subprocess.run(["umount", "--lazy", str(home)], check=True)
    assert not list(installation.root.glob("**/*.tmp"))
