"""A throwaway copy of an environment: its own name, ports, history and files. Nothing of the real one is written to.

Only images are shared, by digest and read only; they come from the registry that the environment itself pulls from.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from windlass import process, wiring
from windlass.compose.load import project_directory, read, unescape
from windlass.deploy.docker import DockerTarget
from windlass.doctor.examine import parse_published
from windlass.drill import spoil
from windlass.errors import Refused
from windlass.git.repository import Repository, TreeEntry
from windlass.model.project import Environment, HealthCheck, Project
from windlass.model.release import Release
from windlass.steps.tools import Tools

NAME = "drill"


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
def copy(project: Project, environment: Environment, source: Repository, release: Release) -> Iterator[Twin]:
    """Make a copy, and take everything of it away in the end, whatever happens.

    Args:
        release: what the real environment runs.

    Raises:
        Refused: the environment cannot be copied without touching something it shares.
    """
    folder = Path(tempfile.mkdtemp(prefix="windlass-drill-")).resolve()
    twin: Twin | None = None
    try:
        twin = _make(project, environment, source, release, folder)
        yield twin
    finally:
        if twin is not None:
            remove(twin.name)
        shutil.rmtree(folder, ignore_errors=True)


def remove(name: str) -> None:
    """Remove every container, network and volume of a Compose project."""
    label = f"label=com.docker.compose.project={name}"
    for kind, listing, removal in (
        ("container", ("--all",), ("rm", "--force", "--volumes")),
        ("network", (), ("rm",)),
        ("volume", (), ("rm", "--force")),
    ):
        ids = process.run(["docker", kind, "ls", "--quiet", "--filter", label, *listing]).stdout.split()
        if ids:
            process.run(["docker", kind, *removal, *ids])


def left_over(name: str) -> list[str]:
    """What `remove` would find."""
    label = f"label=com.docker.compose.project={name}"
    return [
        f"{kind} {id}"
        for kind, all in (("container", ("--all",)), ("network", ()), ("volume", ()))
        for id in process.run(["docker", kind, "ls", "--quiet", "--filter", label, *all]).stdout.split()
    ]


def asked(project: Project, release: Release) -> HealthCheck:
    """The health check that users of the drill ask: the first of a service that the release holds. Raises Refused."""
    for service in project.services:
        if service.health and release.service(service.name) is not None:
            return service.health[0]
    raise Refused(
        f"no service of {release.environment} has a health check that could be asked during a drill",
        remedy="add health to a service in windlass.yaml: health: [{port: 8080, path: /health}]",
    )


def _make(project: Project, environment: Environment, source: Repository, release: Release, folder: Path) -> Twin:
    check = asked(project, release)
    root = folder / "checkout"
    process.run(["git", "clone", "--quiet", "--shared", "--no-checkout", str(source.root), str(root)], check=True)
    repository = Repository(root)
    for word, value in (("user.name", "windlass drill"), ("user.email", "drill@localhost")):
        repository.git("config", word, value)
    base = _with(repository, release.tree, {spoil.SUITE: spoil.suite(check, passes=True)})
    commit = repository.write_commit(base, None, "drill")
    repository.git("checkout", "--quiet", "-b", NAME, commit)
    _private_files(source.root, root, environment)

    model = unescape(
        read(
            [root / name for name in release.compose],
            directory=root / project_directory(release.compose),
            env_files=[root / name for name in environment.env_files],
        ).model
    )
    _refuse_shared(model, root)
    published = parse_published(model)
    name = NAME
    while any(one.name == name for one in project.environments):
        name += "-copy"
    copied = replace(
        environment,
        name=name,
        branch=None,
        tags=(),
        ports=dict(zip(published, free_ports(len(published)), strict=True)),
        port_offset=0,
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


def _private_files(origin: Path, root: Path, environment: Environment) -> None:
    """Files with variables are rarely committed: the copy needs them, too."""
    names = {
        *environment.env_files,
        *(path.name for path in origin.glob(".env*")),
        *(p.name for p in origin.glob("*.env")),
    }
    for name in names:
        if (origin / name).is_file() and not (root / name).exists():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(origin / name, root / name)


def _refuse_shared(model: Mapping[str, object], root: Path) -> None:
    """Raise Refused when services would write to what the real environment writes to."""
    services, volumes = model.get("services") or {}, model.get("volumes") or {}
    assert isinstance(services, dict) and isinstance(volumes, dict)
    outer = {name for name, volume in volumes.items() if (volume or {}).get("external")}
    for name, service in services.items():
        for mount in service.get("volumes") or ():
            source = str(mount.get("source") or "")
            shared = mount.get("type") == "bind" and not Path(source).is_relative_to(root)
            if (shared or source in outer) and not mount.get("read_only"):
                raise Refused(
                    f"{name} writes to {source}, which a copy would share with the real environment",
                    where=f"services.{name}.volumes",
                    remedy="mount it read-only, or use a named volume: a copy gets its own",
                )


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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
