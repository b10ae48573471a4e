"""A user's repository, and the windlass command run in it as a user would: another process, a home and ports of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.ports import free_port
from windlass.deploy.docker import engine
from windlass.deploy.docker.edge.edges import Edges

COMPOSE = """\
services:
  api:
    build: {context: ., dockerfile: api/Dockerfile}
    ports: ["%(api)d:8080"]
    stop_grace_period: 1s
    volumes: ["./motd:/motd:ro"]
    healthcheck: {test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1:8080/health"], interval: 1s, retries: 3}
    x-windlass:
      test: {command: "sh /tests/check.sh", files: api/tests}
      health: [{port: 8080, path: /health}]
  web:
    build: {context: ., dockerfile: web/Dockerfile}
    depends_on: {api: {condition: service_healthy}}
    ports: ["%(web)d:8080"]
    stop_grace_period: 1s
    x-windlass: {health: [{port: 8080, path: /health}]}
"""
WINDLASS = """\
project: %(project)s
registry: embedded
platforms: [linux/amd64, linux/arm64]
compose: [compose.yml]
environments:
  staging:
    branch: develop
    tags: ["develop-{sha}"]
    ports: {%(api)d: %(api2)d, %(web)d: %(web2)d}
    verify_timeout: 30s
  production:
    branch: main
    tags: ["main-{sha}", latest]
    verify_timeout: 30s
    ready_timeout: 60s
"""
DOCKERFILE = """\
FROM busybox:1
COPY %(library)s%(name)s/www/ /www/
CMD ["httpd", "-f", "-p", "8080", "-h", "/www"]
"""


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Installation:
    """`root` is the checkout. `ports` are free ones of this machine."""

    folder: Path
    project: str
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.folder / "checkout"

    @property
    def env(self) -> dict[str, str]:
        return {
            **{
                name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "WINDLASS_", "CI"))
            },
            "WINDLASS_HOME": str(self.folder / "home"),
            "WINDLASS_REGISTRY_PORT": str(self.ports["registry"]),
            "COLUMNS": "80",
        }

    @classmethod
    def create(cls, folder: Path, project: str) -> Installation:
        made = cls(folder, project, dict(zip(("registry", "api", "web", "api2", "web2"), free_ports(5), strict=True)))
        made.root.mkdir(parents=True)
        values = {**made.ports, "project": project}
        made.write("compose.yml", COMPOSE % values)
        made.write("windlass.yaml", WINDLASS % values)
        made.write("lib/shared.txt", "shared\n")
        made.write("motd/today.txt", "welcome\n")
        made.write("api/tests/check.sh", "grep -q api /www/index.html\n")
        for name, library in (("api", "lib/shared.txt "), ("web", "")):
            made.write(f"{name}/Dockerfile", DOCKERFILE % {"name": name, "library": library})
            made.write(f"{name}/www/index.html", f"{name} 1\n")
            made.write(f"{name}/www/health", "ok\n")
        made.git("init", "-q", "-b", "main")
        made.git("config", "user.email", "dev@example.org")
        made.git("config", "user.name", "Dev")
        made.commit("start")
        return made

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def git(self, *args: str) -> str:
        return subprocess.run(["git", *args], cwd=self.root, check=True, capture_output=True, text=True).stdout

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def windlass(self, *args: str, **env: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "windlass", *args],
            cwd=self.root,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=300,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def run(self, *args: str, code: int = 0) -> Any:
        """`windlass run --json`, its exit code asserted."""
        ran = self.windlass("run", "--json", "--progress", "plain", *args)
        assert ran.code == code, ran.out + ran.err
        return ran.json

    def containers(self, environment: str) -> dict[str, str]:
        """Service → container id, of what serves in an environment."""
        name = f"{self.project}-{environment}"
        edges = Edges(self.folder / "home" / "data" / "environments" / name / "edge.json")
        serving = edges.board(engine.containers(name)).current
        return {container.service: container.id for container in serving if container.status == "running"}

    def destroy(self) -> None:
        for environment in ("staging", "production"):
            subprocess.run(
                ["docker", "compose", "-p", f"{self.project}-{environment}", "down", "--volumes", "--timeout", "1"],
                capture_output=True,
                check=False,
            )
        self.windlass("registry", "stop")
        shutil.rmtree(self.folder / "home", ignore_errors=True)


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on, which differ."""
    return [free_port() for _ in range(count)]
