"""A throw-away registry with tiny images, repositories with Compose files, and environments that clean up after themselves."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.ports import free_port as free_port
from windlass import process
from windlass.deploy.docker import DockerTarget
from windlass.git.repository import Repository
from windlass.model.events import Event
from windlass.model.project import EdgeSpec, Environment, Project, RegistrySpec
from windlass.model.release import Release, ReleasedService
from windlass.waiting import wait_for


@dataclass(frozen=True)
class Images:
    """Repositories in the registry, and `host/repository@digest` of each tiny image by version."""

    host: str
    digests: dict[str, str]

    def image(self, service: str) -> str:
        return f"{self.host}/windlass-test-deploy/{service}"


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    """Three versions of one image: busybox, with a label that differs. Pushed under the names web and api."""
    if shutil.which("docker-registry") is None:
        pytest.fail("docker-registry is not installed: apt-get install docker-registry")
    folder, port = tmp_path_factory.mktemp("registry"), free_port()
    (folder / "config.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n"
    )
    server = subprocess.Popen(
        ["docker-registry", "serve", str(folder / "config.yml")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    host = f"localhost:{port}"
    try:
        wait_for(lambda: _answers(port), bool, seconds=60)
        digests = {}
        for version in ("1", "2", "3"):
            for service in ("web", "api"):
                name = f"{host}/windlass-test-deploy/{service}:{version}"
                dockerfile = f"FROM busybox:1\nLABEL version={version}\n"
                told = folder / "built.json"
                build = ["docker", "buildx", "build", "--quiet", "--provenance=false", "--push"]
                process.run([*build, f"--metadata-file={told}", "-t", name, "-"], input=dockerfile, check=True)
                digests[version] = json.loads(told.read_text())["containerimage.digest"]
        yield Images(host, digests)
    finally:
        listed = process.run(["docker", "images", "--quiet", "--no-trunc", f"{host}/windlass-test-deploy/*"])
        for service in ("web", "api"):
            for digest in set(listed.stdout.split()):
                process.run(["docker", "rmi", "--force", f"{host}/windlass-test-deploy/{service}@{digest}"])
        server.terminate()
        server.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class World:
    """A repository, and targets for its environments."""

    root: Path
    home: Path
    images: Images
    project: str = field(default_factory=lambda: f"windlass-test-{uuid.uuid4().hex[:8]}")
    events: list[Event] = field(default_factory=list)
    targets: list[DockerTarget] = field(default_factory=list)

    @property
    def repository(self) -> Repository:
        return Repository(self.root)

    def write(self, files: dict[str, str]) -> str:
        """Write files, commit them, and return the tree."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.repository.git("add", "--all")
        self.repository.git("commit", "--quiet", "--allow-empty", "-m", "a change")
        return self.repository.snapshot("HEAD").tree

    def target(self, name: str = "staging", **settings: object) -> DockerTarget:
        defaults: dict[str, object] = {
            "branch": None,
            "compose": ("compose.yml",),
            "tags": (),
            "ready_timeout": 120.0,
            "edge": EdgeSpec(watch=0.5),
        }
        environment = Environment(name=name, **(defaults | settings))  # type: ignore[arg-type]
        project = Project(
            self.project, self.root, RegistrySpec(self.images.host), ("linux/amd64",), ("compose.yml",), (), ()
        )
        target = DockerTarget(project, environment, self.repository, home=self.home)
        self.targets.append(target)
        return target

    def release(self, id: str, tree: str, *, environment: str = "staging", **versions: str) -> Release:
        """A release of services at image versions: `web="1"`."""
        services = tuple(
            ReleasedService(service, self.images.image(service), self.images.digests.get(version, version))
            for service, version in versions.items()
        )
        commit = self.repository.resolve("HEAD") or ""
        return Release(id, environment, commit, tree, ("compose.yml",), services, "2030-01-01T00:00:00Z")

    def deploy(self, target: DockerTarget, release: Release, sequence: int = 1) -> None:
        prepared = target.prepare(release, self.events.append)
        checked = target.check(prepared, self.events.append, sequence)
        deployed = target.switch(checked, sequence, self.events.append)
        target.watch(deployed, self.events.append)
        target.retire(deployed, self.events.append)

    def containers(self, target: DockerTarget) -> dict[str, str]:
        """Service → id of the container that serves."""
        from windlass.deploy.docker import engine
        from windlass.deploy.docker.edge.edges import Edges

        edges = Edges(self.home / "environments" / target.name / "edge.json")
        return {container.service: container.id for container in edges.board(engine.containers(target.name)).current}


@pytest.fixture
def world(tmp_path: Path, images: Images, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    root = tmp_path / "repository"
    root.mkdir()
    for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{name}_NAME", "Test")
        monkeypatch.setenv(f"{name}_EMAIL", "test@example.org")
    process.run(["git", "init", "--quiet"], cwd=root, check=True)
    made = World(root, tmp_path / "home", images)
    yield made
    for target in made.targets:
        process.run(["docker", "compose", "-p", target.name, "down", "--volumes", "--timeout", "0"])


@pytest.fixture
def port() -> Callable[[], int]:
    return free_port
