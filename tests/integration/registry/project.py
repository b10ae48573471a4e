"""A small project whose images are in a registry of the test's own, and its command line."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.command import windlass
from windlass import process
from windlass.git.repository import Repository
from windlass.model.artifacts import LayoutImage
from windlass.model.release import Release, ReleasedService
from windlass.oci.client import RegistryClient
from windlass.oci.push import push
from windlass.state.git_ref import GitState
from windlass.testing.images import make_image

_PERSON = {f"GIT_{role}_{what}": "test@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
_COMPOSE = "services:\n  platform:\n    build: .\n  worker:\n    build: .\n"
_CONFIG = """\
project: shop
registry: {{host: {host}{prefix}}}
compose: [compose.yml]
services: {{platform: {{image: crank-platform}}}}
environments:
  staging: {{branch: develop}}
  production: {{branch: main, tags: ["main-{{sha}}", latest]}}
"""


@dataclass
class Shop:
    """`crank-platform` holds the images of the service `platform`."""

    root: Path
    host: str
    prefix: str = ""

    def begin(self) -> None:
        self.root.mkdir(parents=True)
        prefix = f", prefix: {self.prefix}" if self.prefix else ""
        (self.root / "windlass.yaml").write_text(_CONFIG.format(host=self.host, prefix=prefix))
        (self.root / "compose.yml").write_text(_COMPOSE)
        (self.root / "Dockerfile").write_text("FROM scratch\n")
        self.git("init", "-q", "-b", "main")
        self.git("add", "--all")
        self.git("commit", "-q", "-m", "begin")

    @property
    def client(self) -> RegistryClient:
        return RegistryClient(self.host)

    def git(self, *words: str) -> str:
        return process.run(["git", *words], cwd=self.root, env=_PERSON, check=True).stdout.strip()

    def image(self, name: str, **options: Any) -> LayoutImage:
        return make_image(self.root.parent / "layouts" / name, name=name, **options)

    def push(self, name: str, repository: str, tags: Sequence[str], **options: Any) -> str:
        """An image made from `name`, with tags."""
        image = self.image(name, **options)
        push(image, self.client, f"{self.prefix}/{repository}" if self.prefix else repository, tags)
        return image.digest

    def deploy(self, environment: str, repository: str, tag: str, digest: str) -> None:
        """Write into the environment's history that an image runs."""
        repository_here = Repository.discover(self.root)
        state = GitState(repository_here, None)
        tree = self.git("rev-parse", "HEAD^{tree}")
        service = ReleasedService("platform", f"{self.host}/{repository}", digest, (tag,))
        release = Release(
            tag,
            environment,
            self.git("rev-parse", "HEAD"),
            tree,
            ("compose.yml",),
            (service,),
            "2026-01-31T14:05:00+00:00",
        )
        admitted = state.admit(release, "deploy", None)
        state.settle(admitted, "healthy", running=tag, reason="", evidence=None)

    def run(self, *words: str, columns: int = 80, **environ: str) -> subprocess.CompletedProcess[str]:
        """`windlass registry WORDS`, without a terminal."""
        env = {**os.environ, "COLUMNS": str(columns), **environ}
        return windlass(["registry", *words, "-C", str(self.root)], env)

    def json(self, *words: str, code: int = 0) -> Any:
        done = self.run(*words, "--json")
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)
