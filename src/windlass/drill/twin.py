"""A throwaway copy of an environment: its own name, ports, history and files. Nothing of the real one is written to.

Only images are shared, by digest and read only; they come from the registry that the environment itself pulls from.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from windlass import process, wiring
from windlass.compose.load import project_directory, read, unescape
from windlass.deploy.docker import DockerTarget
from windlass.deploy.docker.engine import Docker
from windlass.deploy.docker.model import select
from windlass.doctor.examine import parse_published
from windlass.drill import removal, spoil
from windlass.drill.sharing import refuse_shared
from windlass.errors import Refused
from windlass.git.repository import Repository, TreeEntry
from windlass.model.project import EdgeSpec, Environment, HealthCheck, Project
from windlass.model.release import Release
from windlass.steps.tools import Tools

NAME = "drill"
_ELSEWHERE = range(20000, 32000)


@dataclass(frozen=True)
class Twin:
    """`release` is the one that the real environment runs, as it is brought to the copy; `check` is what users ask."""

    project: Project
    environment: Environment
    repository: Repository
    home: Path
    release: Release
    check: HealthCheck

    @property
    def tools(self) -> Tools:
        made = wiring.tools(self.project, self.repository, self.release.tree)
        return replace(
            made, target=lambda environment: self.target, evidence=self.home / "evidence", scratch=self.home / "scratch"
        )

    @property
    def target(self) -> DockerTarget:
        return DockerTarget(self.project, self.environment, self.repository, home=self.home)

    @property
    def docker(self) -> Docker:
        """The engine of the environment: that of the real one."""
        return removal.engine_of(self.environment.engine)

    @property
    def aliases(self) -> tuple[str, ...]:
        """The image of the service that users ask, under a name that nobody else uses, where there can be one."""
        one = self.release.service(self.check.service)
        if one is None or not one.image.startswith("localhost:"):
            return ()
        return (replace(one, image="127.0.0.1:" + one.image.removeprefix("localhost:")).reference,)

    @property
    def name(self) -> str:
        """The Compose project's name."""
        return self.target.name

    def changed(self, id: str, *, compose: str, passes: bool = True) -> Release:
        """Another release of the same images, with one more Compose file."""
        files = {spoil.COMPOSE: compose, spoil.SUITE: spoil.suite(self.check, passes=passes)}
        tree = _with(self.repository, self.release.tree, files)
        names = self.release.compose
        names = names if spoil.COMPOSE in names else (*names, spoil.COMPOSE)
        commit = self.repository.write_commit(tree, None, f"drill: {id}")
        return replace(self.release, id=id, tree=tree, commit=commit, compose=names, created=_now())


@contextmanager
def copy(
    project: Project, environment: Environment, source: Repository, release: Release, tell: Callable[[str], None]
) -> Iterator[Twin]:
    """Make a copy, and take everything of it away in the end, whatever happens. What killed drills left goes first.

    Args:
        release: what the real environment runs.
        tell: is told in a few words what is being done.

    Raises:
        Refused: the environment cannot be copied without touching something it shares.
        EngineUnavailable: the engine does not answer, or does not let go of something in the end.
    """
    for name in removal.sweep():
        tell(f"removed what a drill that was killed had left: {name}")
    with _own_git(), removal.folder() as folder:
        twin: Twin | None = None
        try:
            twin = _make(project, environment, source, release, folder)
            removal.note(folder, twin.name, environment.engine, twin.aliases)
            yield twin
        finally:
            with removal.undisturbed():
                if twin is not None:
                    tell("taking the copy away")
                    removal.remove(twin.docker, twin.name, twin.aliases)
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _own_git() -> Iterator[None]:
    """Variables that lead git to the real repository (a hook of it has them) do not count meanwhile."""
    told = process.run(["git", "rev-parse", "--local-env-vars"]).stdout.split()
    before = {name: os.environ.pop(name) for name in told if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(before)


def asked(project: Project, release: Release) -> HealthCheck:
    """The health check that users of the drill ask: the first of a service that the release runs. Raises Refused."""
    running = {service.name for service in release.active}
    for service in project.services:
        if service.health and service.name in running:
            return service.health[0]
    raise Refused(
        f"no service of {release.environment} has a health check that could be asked during a drill",
        remedy="add health to a service in windlass.yaml: health: [{port: 8080, path: /health}]",
    )


def _make(project: Project, environment: Environment, source: Repository, release: Release, folder: Path) -> Twin:
    check = asked(project, release)
    root = folder / "checkout"
    repository = _repository(source, root)
    base = _with(repository, release.tree, {spoil.SUITE: spoil.suite(check, passes=True)})
    commit = repository.write_commit(base, None, "drill")
    repository.git("checkout", "--quiet", "-b", NAME, commit)
    _private_files(source, root, environment)

    model = unescape(
        read(
            [root / name for name in release.compose],
            directory=root / project_directory(release.compose),
            env_files=[root / name for name in environment.env_files],
        ).model
    )
    running = select(model, release).services
    refuse_shared(model, running, root)
    _bring_mounted(model, root, source.root)
    docker = removal.engine_of(environment.engine)
    published = parse_published(model)
    name = NAME
    while any(one.name == name for one in project.environments):
        name += "-copy"
    shared = shared_ports(environment.edge)
    ports = _ports(docker, len(published) + len(shared))
    copied = replace(
        environment,
        name=name,
        branch=None,
        tags=(),
        ports=dict(zip(published, ports[len(shared) :], strict=True)),
        port_offset=0,
        edge=with_own_ports(environment.edge, dict(zip(shared, ports, strict=False))),
        api=(*environment.api, spoil.SUITE),
        ready_timeout=min(environment.ready_timeout, 120.0),
        approvals=None,
        freeze=(),
    )
    mine = replace(
        project,
        name=f"{project.name}-{uuid.uuid4().hex[:6]}",
        root=root,
        environments=(*project.environments, copied),
        state_remote=None,
    )
    brought = replace(release, id=f"{name}-0", environment=name, commit=commit, tree=base, created=_now())
    brought = replace(brought, services=tuple(replace(one, tags=()) for one in brought.services))
    return Twin(mine, copied, repository, folder / "home", brought, check)


def _repository(source: Repository, root: Path) -> Repository:
    """An empty repository that sees the objects of another one and writes none there (gitrepository-layout(5),
    objects/info/alternates). A clone would not do: of a shallow one, it has not all objects."""
    form = source.git("rev-parse", "--show-object-format").strip()
    process.run(["git", "init", "--quiet", "--template=", f"--object-format={form}", str(root)], check=True)
    repository = Repository(root)
    for word, value in (
        ("user.name", "windlass drill"), ("user.email", "drill@localhost"), ("core.hooksPath", os.devnull),
    ):  # fmt: skip
        repository.git("config", word, value)
    objects = source.root / source.git("rev-parse", "--git-path", "objects").strip()
    alternates = root / ".git" / "objects" / "info" / "alternates"
    alternates.parent.mkdir(parents=True, exist_ok=True)
    alternates.write_text(f"{objects}\n")
    return repository


def _private_files(source: Repository, root: Path, environment: Environment) -> None:
    """Files with variables are rarely committed: the copy needs them, too."""
    listed = source.git("ls-files", "-z", "--others", "--", "*.env", ".env*", "*/.env*").split("\0")
    for name in {*environment.env_files, *filter(None, listed)}:
        _bring(source.root / name, root / name)


def _bring_mounted(model: Mapping[str, Any], root: Path, origin: Path) -> None:
    """Untracked files that services only read: keys, certificates, settings. What they write to, the copy has its own of."""
    read_only = [
        str(mount.get("source") or "")
        for service in (model.get("services") or {}).values()
        for mount in service.get("volumes") or ()
        if mount.get("type") == "bind" and mount.get("read_only")
    ]
    for kind in ("secrets", "configs"):
        read_only += [str((one or {}).get("file") or "") for one in (model.get(kind) or {}).values()]
    for path in map(Path, filter(None, read_only)):
        if path.is_relative_to(root):
            _bring(origin / path.relative_to(root), path)


def _bring(found: Path, wanted: Path) -> None:
    if wanted.exists():
        return
    if found.is_file():
        wanted.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(found, wanted)
    elif found.is_dir():
        shutil.copytree(found, wanted, symlinks=True)


def _with(repository: Repository, tree: str, files: Mapping[str, str]) -> str:
    """A tree with some files of its top folder replaced or added."""
    listed = repository.git("ls-tree", "-z", "--full-tree", tree).split("\0")[:-1]
    top = [_entry(line) for line in listed]
    kept = [entry for entry in top if entry.path not in files]
    made = [TreeEntry("100644", "blob", repository.write_blob(text), name) for name, text in files.items()]
    return repository.write_tree([*kept, *made])


def _entry(line: str) -> TreeEntry:
    head, _, path = line.partition("\t")
    mode, kind, oid = head.split(" ")
    return TreeEntry(mode, kind, oid, path)


def shared_ports(edge: EdgeSpec | None) -> list[int]:
    """The ports that several services share by SNI: no mapping of published ports moves these. Pure."""
    return sorted({one.port for one in edge.sni}) if edge is not None else []


def with_own_ports(edge: EdgeSpec | None, ports: Mapping[int, int]) -> EdgeSpec | None:
    """The edge with other shared ports. Pure."""
    return edge and replace(edge, sni=tuple(replace(one, port=ports[one.port]) for one in edge.sni))


def _ports(docker: Docker, count: int) -> list[int]:
    """Ports for the copy, on the host that the engine is on."""
    if not docker.remote:
        return free_ports(count)
    done = docker.run(["docker", "ps", "--format", "{{.Ports}}"])
    if not done.ok:
        raise docker.refusal(done.stderr)
    return choose_ports(count, done.stdout)


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on; all held at once, so that they differ."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()


def choose_ports(count: int, published: str) -> list[int]:
    """Ports of another host, below those that systems give away by themselves (RFC 6056, section 3.2), and not among those
    that its engine publishes.

    Args:
        published: what `docker ps` prints of ports.
    """
    taken: set[int] = set()
    for first, last in re.findall(r":(\d+)(?:-(\d+))?->", published):
        taken.update(range(int(first), int(last or first) + 1))
    return random.sample([port for port in _ELSEWHERE if port not in taken], count)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
