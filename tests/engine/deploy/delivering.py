"""A small repository that is delivered for real, by `windlass` in processes of their own, and the users of its services."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.engine.cli.installation import Ran, free_ports
from tests.engine.deploy.load import Window, from_document
from tests.engine.deploy.serving import CHECK
from windlass.deploy.docker import engine
from windlass.deploy.docker.edge.board import Board
from windlass.deploy.docker.edge.edges import Edges

SERVER = Path(__file__).with_name("server.py.txt").read_text()
COMPOSE = """\
name: {project}
services:
  web:
    build: {{context: ., dockerfile: web/Dockerfile}}
    ports: ["{web}:8080"]
    environment: {{NAME: web, PEER: "http://api:8080/", {ending}}}
    depends_on: {{api: {{condition: service_healthy}}}}
    healthcheck: {{test: {check}, interval: 1s, retries: 25}}
    x-windlass: {{health: [{{port: 8080, path: /health}}]}}
  api:
    build: {{context: ., dockerfile: api/Dockerfile}}
    ports: ["{api}:8080"]
    environment: {{NAME: api, {ending}}}
    healthcheck: {{test: {check}, interval: 1s, retries: 25}}
    x-windlass: {{health: [{{port: 8080, path: /health}}]}}
"""
WINDLASS = """\
project: {project}
registry: embedded
platforms: [linux/{arch}]
compose: [compose.yml]
environments:
  production:
    branch: main
    tags: ["main-{{sha}}", latest]
    api: [tests/api.yaml]
    verify_timeout: 30s
    ready_timeout: 60s
"""
SUITE = """\
cases:
  - {name: web answers as it should, service: web, path: /checked, expect: {status: 200, contains: fine}, deadline: 10s}
"""
DOCKERFILE = """\
FROM python:3.12-slim
COPY server.py {name}/release /app/
CMD ["python", "-u", "/app/server.py"]
"""


@dataclass(frozen=True)
class Followed:
    """A command that ran, and its events, each with the monotonic time at which it was heard."""

    ran: Ran
    events: tuple[tuple[float, dict[str, Any]], ...]

    def when(self, stage: str, event: str) -> float | None:
        """When a stage was first started or finished (`stage_started`, `stage_finished`)."""
        return next((at for at, one in self.events if one["event"] == event and one["stage"] == stage), None)


@dataclass
class Subject:
    """The repository, its environment `production` and everything it needs. `clone` makes another checkout of it."""

    folder: Path
    project: str
    ports: dict[str, int] = field(default_factory=dict)
    checkout: str = "checkout"

    @classmethod
    def create(cls, folder: Path, project: str, *, ending: str = "finish") -> Subject:
        """`ending`: what the services do when they are asked to end: `finish` their requests, or `ignore` it."""
        made = cls(folder, project, dict(zip(("registry", "web", "api"), free_ports(3), strict=True)))
        arch = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Arch}}"], check=True, capture_output=True, text=True
        ).stdout.strip()
        values = {
            **made.ports,
            "project": project,
            "check": CHECK,
            "arch": arch,
            "ending": f"ENDING: {ending}",
        }
        made.write("compose.yml", COMPOSE.format(**values))
        made.write("windlass.yaml", WINDLASS.format(**values))
        made.write("tests/api.yaml", SUITE)
        made.write("server.py", SERVER)
        for name in ("web", "api"):
            made.write(f"{name}/Dockerfile", DOCKERFILE.format(name=name))
            made.write(f"{name}/release/version", "v0\n")
        made.git("init", "-q", "-b", "main")
        made.configure()
        made.commit("start")
        return made

    @property
    def root(self) -> Path:
        return self.folder / self.checkout

    @property
    def env(self) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "WINDLASS_", "CI"))
        }
        port = str(self.ports["registry"])
        return {**kept, "WINDLASS_HOME": str(self.folder / "home"), "WINDLASS_REGISTRY_PORT": port}

    @property
    def compose_project(self) -> str:
        return f"{self.project}-production"

    def configure(self) -> None:
        self.git("config", "user.email", "dev@example.org")
        self.git("config", "user.name", "Dev")

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def git(self, *args: str) -> str:
        return subprocess.run(["git", *args], cwd=self.root, check=True, capture_output=True, text=True).stdout

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def change(self, version: str, service: str = "web", mode: str = "") -> str:
        """Commit another version of a service; `mode` says in which way it is bad (`server.py`)."""
        self.write(f"{service}/release/version", f"{version}\n")
        if mode:
            self.write(f"{service}/release/mode", mode)
        else:
            (self.root / f"{service}/release/mode").unlink(missing_ok=True)
        return self.commit(version)

    def shared(self) -> None:
        """Keep the environment's history on a bare remote."""
        remote = self.folder / "origin.git"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(remote)], check=True)
        self.git("remote", "add", "origin", str(remote))
        self.write("windlass.yaml", (self.root / "windlass.yaml").read_text() + "state: {remote: origin}\n")
        self.commit("state on the remote")
        self.git("push", "-q", "origin", "main")

    def clone(self, name: str) -> Subject:
        subprocess.run(
            ["git", "clone", "-q", str(self.folder / "origin.git"), str(self.folder / name)],
            check=True,
            capture_output=True,
        )
        made = Subject(self.folder, self.project, self.ports, name)
        made.configure()
        return made

    def start(self, *args: str, fuse: str = "") -> subprocess.Popen[str]:
        """`windlass ARGS` in the background; `fuse` is where it kills itself (`tests.engine.deploy.fused`)."""
        module = "tests.engine.deploy.fused" if fuse else "windlass"
        source = Path(__file__).parents[3]
        path = os.pathsep.join(filter(None, (str(source), os.environ.get("PYTHONPATH"))))
        env = {**self.env, "WINDLASS_FUSE": fuse, "PYTHONPATH": path} if fuse else self.env
        return subprocess.Popen(
            [sys.executable, "-m", module, *args],
            cwd=self.root,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def windlass(self, *args: str, fuse: str = "") -> Ran:
        with self.start(*args, fuse=fuse) as process:
            try:
                out, err = process.communicate(timeout=300)
            except BaseException:
                process.kill()
                raise
        return Ran(process.returncode, out, err)

    def follow(self, *args: str) -> Followed:
        """`windlass ARGS --json --progress json`, with each event of it and when it came."""
        events: list[tuple[float, dict[str, Any]]] = []
        other: list[str] = []

        def hear(stream: Iterable[str]) -> None:
            for line in stream:
                try:
                    events.append((time.monotonic(), json.loads(line)))
                except ValueError:
                    other.append(line)

        with self.start(*args, "--json", "--progress", "json") as process:
            assert process.stderr is not None and process.stdout is not None
            ear = threading.Thread(target=hear, args=(process.stderr,))
            ear.start()
            try:
                out = process.stdout.read()
                code = process.wait()
            except BaseException:  # it must not go on deploying while the subject is being cleaned up
                process.terminate()
                process.wait()
                raise
            finally:
                ear.join()
        return Followed(Ran(code, out, "".join(other)), tuple(events))

    def run(self, *args: str, code: int = 0) -> Any:
        ran = self.windlass("run", "--json", "--progress", "quiet", *args)
        if ran.code != code:
            raise AssertionError(f"windlass run ended with {ran.code}:\n{ran.out}\n{ran.err}")
        return ran.json

    def board(self) -> Board:
        """What runs, told apart, as the edges themselves say."""
        edges = Edges(self.folder / "home" / "data" / "environments" / self.compose_project / "edge.json")
        return edges.board(engine.containers(self.compose_project), ask=True)

    def clean(self) -> None:
        """Every container, network, volume and image of the subject, by name."""
        project = f"label=com.docker.compose.project={self.compose_project}"
        _docker("rm", "-f", "-v", *_ids("ps", "-aq", "--filter", project))
        for kind in ("network", "volume"):
            _docker(kind, "rm", *_ids(kind, "ls", "-q", "--filter", project))
        if (self.folder / "checkout").is_dir():
            self.windlass("registry", "stop")
        # By name: another subject may have the very same image from a registry of its own.
        names = (
            "images",
            "--digests",
            "--format",
            "{{.Repository}}@{{.Digest}}",
            f"localhost:{self.ports['registry']}/*",
        )
        _docker("rmi", "-f", *dict.fromkeys(name for name in _ids(*names) if "<none>" not in name))
        shutil.rmtree(self.folder / "home", ignore_errors=True)


class Load:
    """Users in a process of their own (`tests.engine.deploy.load`)."""

    def __init__(self, port: int, rate: float, in_flight: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.deploy.load", str(port), str(rate), str(in_flight)],
            cwd=Path(__file__).parents[3],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def go(self, name: str) -> None:
        self._say(f"go {name}")

    def rest(self) -> None:
        self._say("rest")

    def end(self) -> dict[str, Window]:
        out, _ = self._process.communicate("end\n", timeout=60)
        return from_document(json.loads(out))

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        if self._process.stdout.readline().strip() != "ok":
            raise AssertionError("the load generator has ended")


@contextmanager
def users(port: int, rate: float = 220, in_flight: float = 0.0) -> Iterator[Load]:
    load = Load(port, rate, in_flight)
    try:
        yield load
    finally:
        load.kill()


def _ids(*argv: str) -> list[str]:
    return subprocess.run(["docker", *argv], capture_output=True, text=True, check=False).stdout.split()


def _docker(*argv: str) -> None:
    if len(argv) > 3 or (len(argv) > 2 and not argv[-1].startswith("-")):
        subprocess.run(["docker", *argv], capture_output=True, check=False)


def quantile(values: Sequence[float], share: float) -> float:
    """The nearest-rank quantile; nan of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")
