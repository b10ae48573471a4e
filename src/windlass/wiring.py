"""The composition root: configuration → drivers. The only module that names drivers.

Drivers are imported where they are made, so that a command pays only for what it uses.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from windlass.config.ahead import Ahead
from windlass.errors import ConfigError, WindlassError
from windlass.git.repository import Repository
from windlass.paths import cache_dir, data_dir
from windlass.steps.tools import Tools
from windlass.waiting import SystemClock

if TYPE_CHECKING:
    from windlass.build.interface import Builder
    from windlass.compose.load import ComposeModel
    from windlass.deploy.interface import Target
    from windlass.dev.workbench import Workbench
    from windlass.doctor.examine import Verdict
    from windlass.git.tree import GitFiles
    from windlass.model.events import Emit
    from windlass.model.observation import CheckResult, Endpoint
    from windlass.model.plan import Plan
    from windlass.model.project import Environment, Project
    from windlass.model.release import Release
    from windlass.model.source import Source
    from windlass.oci.client import RegistryClient
    from windlass.oci.difference import Content
    from windlass.oci.memory import RegistryMemory
    from windlass.oci.mirrors import Mirrors
    from windlass.plan.interface import BaseImages
    from windlass.process import Completed
    from windlass.scan.interface import Scanner
    from windlass.steps.tools import Planner
    from windlass.verify.api import Suite
    from windlass.verify.asking import Asking


def open_repository(directory: Path) -> Repository:
    """The git repository around a folder. Raises EnvironmentUnusable."""
    return Repository.discover(directory)


def load_project(repository: Repository, source: Source, *, from_checkout: bool) -> Project:
    """The project as `source` declares it; `from_checkout` says that the files of the checkout are those of the source.

    Raises:
        ConfigError, EnvironmentUnusable
    """
    from windlass.config.load import load_project as load

    if from_checkout:
        return load(repository.root)
    with _declared(repository, source.tree) as folder:
        return load(repository.root, directory=folder)


class HeadStart:
    """What every plan needs whatever the project says, under way while the project is still being read.

    Args:
        source: the commit that is planned, or that the working tree has gone on from.
    """

    def __init__(self, repository: Repository, source: Source) -> None:
        self._repository = repository
        self._tree = source.tree
        self._base = Ahead(self._read)
        self.mirrors = Ahead(_mirrors)
        self._files: Ahead[GitFiles] | None = None

    def know(self, source: Source) -> None:
        """The source is certain now."""
        self._files = Ahead(lambda: self._moved(source.tree))

    def files(self, source: Source) -> GitFiles:
        """The files of what is planned."""
        return self._files.result() if self._files is not None else self._moved(source.tree)

    def _read(self) -> GitFiles:
        from windlass.git.tree import GitFiles

        files = GitFiles(self._repository, self._tree)
        # Compose is still being waited for: everything that can be done without knowing what is built is done now.
        import windlass.oci.bases
        import windlass.oci.memory
        import windlass.registry.server.daemon  # noqa: F401
        from windlass.plan.planner import read_ahead

        read_ahead(files)
        return files

    def _moved(self, tree: str) -> GitFiles:
        changes = self._repository.changes(self._tree, tree) if tree != self._tree else []
        return self._base.result().move(changes)


def _mirrors() -> Mirrors:
    from windlass.oci.mirrors import engine_mirrors

    return engine_mirrors()


@contextmanager
def _declared(repository: Repository, tree: str) -> Iterator[Path]:
    """A folder with the files of a tree that say what the project is; with all files where they cannot be told apart."""
    from windlass.config.declaring import declaring

    paths = declaring(lambda names: repository.read_many([f"{tree}:{name}" for name in names]))
    with materialised(repository, tree, paths) as folder:
        yield folder


def tools(
    project: Project, repository: Repository, tree: str, *, registry: bool = True, started: HeadStart | None = None
) -> Tools:
    """All drivers of a project; `tree` is the one it was read from. With `registry`, the embedded registry is started if it is the one configured."""
    from windlass.oci.images import RegistryImages
    from windlass.oci.memory import RegistryMemory
    from windlass.state.git_ref import GitState

    if registry:
        ensure_registry(project)
    client = registry_client(project)
    memory = RegistryMemory(client, project.registry.prefix)
    checks = _Checks(project, repository, tree)
    shared = [project.registry.repository(name) for name in ("windlass/cache", *(s.image for s in project.buildable))]
    return Tools(
        project=project,
        plan=_planner(project, repository, memory, started),
        memory=memory,
        images=RegistryImages(client, mount_from=shared),
        builder=lambda emit: make_builder(project, emit),
        scanner=make_scanner(),
        state=GitState(repository, project.state_remote),
        target=lambda environment: make_target(project, environment, repository),
        verify=checks.verify,
        verifiable=checks.verifiable,
        materialise=lambda tree: materialised(repository, tree),
        services_of=lambda source, environment: _services_of(project, repository, source, environment),
        ignore_file=lambda source: (
            repository.read(source.tree, project.scan.ignore_file) if project.scan.ignore_file else None
        ),
        scratch=cache_dir(),
        evidence=data_dir() / "evidence" / project.name,
        clock=SystemClock(),
        shared_registry=not project.registry.embedded,
        continuous_integration=os.environ.get("CI", "").lower() not in ("", "0", "false"),
    )


def planner(project: Project, repository: Repository, started: HeadStart | None = None) -> Planner:
    """What makes plans, without all the rest of `tools`; the embedded registry is started if it is the one configured."""
    from windlass.oci.memory import RegistryMemory

    ensure_registry(project)
    return _planner(project, repository, RegistryMemory(registry_client(project), project.registry.prefix), started)


def registry_client(project: Project) -> RegistryClient:
    from windlass.oci.client import RegistryClient

    return RegistryClient(project.registry.host, insecure=project.registry.insecure or None)


def looking_client(project: Project) -> RegistryClient:
    """The same for looking around: manifests are kept, so that each is asked for once on this machine."""
    from windlass.oci.keeping import KeepingClient

    registry = project.registry
    client = KeepingClient(registry.host, insecure=registry.insecure or None, folder=cache_dir() / "manifests")
    client.tidy()
    return client


def published_images(project: Project) -> Callable[[str], Content]:
    """The images of a repository of the project's registry, to be looked into."""
    from windlass.oci.content import RegistryContent

    client = registry_client(project)
    return lambda repository: RegistryContent(client, repository)


def registry_root() -> Path:
    """Where the embedded registry keeps its content."""
    return data_dir() / "registry"


def ensure_registry(project: Project) -> None:
    """Start the embedded registry when it is the one configured and does not answer. Raises RegistryUnavailable."""
    if project.registry.embedded:
        from windlass.registry.server.daemon import ensure_running

        ensure_running(project.registry.host, registry_root(), data_dir() / "registry.log")


def base_images(started: HeadStart | None = None) -> BaseImages:
    from windlass.oci.bases import RegistryBaseImages

    return RegistryBaseImages(started.mirrors.result) if started is not None else RegistryBaseImages()


def make_builder(project: Project, emit: Emit) -> Builder:
    """The configured builder, ready for the project's platforms. Raises EngineUnavailable."""
    builder = _BUILDERS[project.builder if project.builder != "auto" else _best_builder()]()
    builder.prepare(project.platforms, emit)
    return builder


def make_scanner() -> Scanner:
    """Trivy when it is installed; otherwise one that says that nothing is scanned."""
    if shutil.which("trivy"):
        from windlass.scan.trivy import TrivyScanner

        return TrivyScanner()
    from windlass.scan.none import NoScanner

    return NoScanner()


def make_target(project: Project, environment: Environment, repository: Repository) -> Target:
    return _TARGETS[environment.target](project, environment, repository)


def workbench(project: Project, repository: Repository, source: Source) -> Workbench:
    """The checkout's services on this machine.

    Raises:
        ConfigError: Compose refuses the files.
        EnvironmentUnusable: Docker Compose is not installed.
    """
    from windlass.compose.load import project_directory, read
    from windlass.dev.workbench import Workbench

    directory = project.root / project_directory(project.compose)
    model = read([project.root / name for name in project.compose], directory=directory, shown_from=project.root).model

    def manifests() -> RegistryClient:
        ensure_registry(project)
        return registry_client(project)

    def for_platforms(platforms: tuple[str, ...] | None) -> Tools:
        return tools(replace(project, platforms=platforms or project.platforms), repository, source.tree)

    return Workbench(project, source, model, str(model["name"]), directory, manifests, for_platforms)


def secrets_present(project: Project, environment: Environment) -> dict[str, bool]:
    """For each secret the environment names, whether it has a value here. Never the value."""
    from windlass.deploy.environ import variables

    known = variables(project.root, environment.env_files)
    return {name: bool(known.get(name)) for name in environment.secrets}


def materialised(repository: Repository, tree: str, paths: Sequence[str] | None = None) -> AbstractContextManager[Path]:
    """A folder with a tree's files, or those at or below some paths, gone at the end."""
    from windlass.git import contexts

    return contexts.materialised(repository, tree, cache_dir() / "contexts", paths)


def _buildx() -> Builder:
    from windlass.build.buildx import BuildxBuilder

    return BuildxBuilder()


def _buildah() -> Builder:
    from windlass.build.buildah import BuildahBuilder

    return BuildahBuilder()


def _docker(project: Project, environment: Environment, repository: Repository) -> Target:
    from windlass.deploy.docker.target import DockerTarget

    return DockerTarget(project, environment, repository, home=data_dir())


def engines(project: Project) -> tuple[Callable[[Sequence[str]], Completed], ...]:
    """Ways to run a `docker` command on each engine that environments name. None is gone to before that."""
    from windlass.deploy.docker.remote import Access

    named = dict.fromkeys(environment.engine for environment in project.environments)
    return tuple(Access(engine).run for engine in named if engine is not None)


_BUILDERS: dict[str, Callable[[], Builder]] = {"buildx": _buildx, "buildah": _buildah}
_TARGETS: dict[str, Callable[[Project, Environment, Repository], Target]] = {"docker": _docker}


def _best_builder() -> str:
    """buildx wherever there is a docker client; buildah where there is only that."""
    return "buildx" if shutil.which("docker") or not shutil.which("buildah") else "buildah"


def _planner(project: Project, repository: Repository, memory: RegistryMemory, started: HeadStart | None) -> Planner:
    def plan(source: Source, environment: str | None, *, only: Sequence[str] = (), rebuild: Sequence[str] = ()) -> Plan:
        from windlass.git.tree import GitFiles
        from windlass.plan.planner import make_plan

        memory.prepare()
        return make_plan(
            project,
            source,
            started.files(source) if started is not None else GitFiles(repository, source.tree),
            memory,
            base_images(started),
            environment=environment,
            only=only,
            rebuild=rebuild,
            now=time.time(),
        )

    return plan


class _Checks:
    """What a release is held to: its own health checks and suites, from its own tree."""

    def __init__(self, project: Project, repository: Repository, tree: str) -> None:
        self._project = project
        self._repository = repository
        self._tree = tree
        self._declared: dict[str, Project] = {}

    def verifiable(self, environment: Environment, release: Release) -> None:
        """Raises ConfigError: a suite cannot be read or names no service, or a variable or secret has no value here."""
        from windlass.deploy.environ import require
        from windlass.verify.api import to_probe
        from windlass.verify.selection import refuse_unknown

        known = self._variables(environment)
        require(environment.secrets, known, environment=environment.name)
        declared = self._project_of(release)
        for suite in self._suites(environment, release):
            if environment.compose == declared.compose:
                refuse_unknown(suite, [service.name for service in declared.services])
            for case in suite.cases:
                to_probe(case, known)

    def verify(
        self,
        environment: Environment,
        release: Release,
        endpoint: Callable[[str, int], Endpoint | None],
        emit: Emit,
        *,
        asking: Asking | None = None,
    ) -> tuple[CheckResult, ...]:
        from windlass.verify.selection import checks_for
        from windlass.verify.verify import verify

        return verify(
            endpoint,
            checks_for(self._project_of(release), release),
            self._suites(environment, release),
            timeout=self._environment(environment, release).verify_timeout,
            environ=self._variables(environment),
            emit=emit,
            asking=asking,
        )

    def _suites(self, environment: Environment, release: Release) -> list[Suite]:
        from windlass.verify.api import parse_suite
        from windlass.verify.selection import cases_for

        names = self._environment(environment, release).api
        suites = (parse_suite(_suite_text(self._repository, release, name), name) for name in names)
        return [cases_for(suite, release) for suite in suites]

    def _environment(self, environment: Environment, release: Release) -> Environment:
        declared = self._project_of(release).environments
        return next((one for one in declared if one.name == environment.name), environment)

    def _project_of(self, release: Release) -> Project:
        """An earlier release is held to its own checks: a path that only the new one has must not fail a rollback."""
        if release.tree == self._tree:
            return self._project
        if release.tree not in self._declared:
            self._declared[release.tree] = _project_at(self._project, self._repository, release.tree)
        return self._declared[release.tree]

    def _variables(self, environment: Environment) -> Mapping[str, str]:
        from windlass.deploy.environ import variables

        return variables(self._project.root, environment.env_files)


def _suite_text(repository: Repository, release: Release, name: str) -> bytes:
    text = repository.read(release.tree, name)
    if text is None:
        raise ConfigError(
            f"{release.id} does not hold the API suite {name}; commit it, or take it out of environments.*.api",
            where="windlass.yaml",
        )
    return text.encode()


def _project_at(project: Project, repository: Repository, tree: str) -> Project:
    from windlass.config.load import load_project as load

    with materialised(repository, tree) as folder:
        try:
            return load(repository.root, directory=folder)
        except ConfigError:
            return project  # it was deployed with a configuration that this version cannot read: today's checks will do


def _services_of(
    project: Project, repository: Repository, source: Source, environment: Environment
) -> Mapping[str, str]:
    if environment.compose == project.compose:
        return {service.name: service.name for service in project.buildable}
    from windlass.compose.load import unescape
    from windlass.config.runs import runs

    with materialised(repository, source.tree) as folder:
        model = _compose_model(project, environment, folder)
    return runs(unescape(model), project)


def _compose_model(project: Project, environment: Environment, folder: Path) -> ComposeModel:
    """An environment's Compose files as they stand in `folder`, for questions that need no private value."""
    from windlass.compose.load import project_directory, read

    below = project_directory(environment.compose)
    return read(
        [folder / name for name in environment.compose],
        directory=folder / below,
        env_files=[path for path in (project.root / name for name in environment.env_files) if path.is_file()],
        checkout=project.root / below,
        builds_only=True,
        shown_from=folder,
    ).model


def examine(directory: Path) -> list[Verdict]:
    """All of `windlass doctor`'s examinations; those that need a project are left out where there is none."""
    from windlass.config.load import FILE
    from windlass.doctor import examine as ask

    verdicts = [ask.engine(), ask.compose()]
    space = shutil.disk_usage(next(p for p in (data_dir(), *data_dir().parents) if p.exists()))
    verdicts += [ask.disk(str(data_dir()), space.free), ask.scanner()]
    try:
        repository = open_repository(directory)
        source = repository.snapshot()
        verdicts.append(ask.git_state(source.commit, source.branch, source.dirty))
    except WindlassError as error:
        return [*verdicts, ask.Verdict("git", "broken", str(error), error.remedy)]
    try:
        project = load_project(repository, source, from_checkout=True)
    except WindlassError as error:
        return [*verdicts, ask.Verdict(FILE, "broken", str(error), error.remedy)]
    verdicts.append(ask.builder(project.platforms))

    def ping() -> None:
        ensure_registry(project)
        registry_client(project).ping()

    verdicts.append(ask.registry(project.registry.host, ping))
    for environment in project.environments:
        if (elsewhere := _engine_elsewhere(environment)) is not None:
            verdicts.append(elsewhere)
        else:
            verdicts.append(_ports_verdict(project, environment, repository))
    return verdicts


def _engine_elsewhere(environment: Environment) -> Verdict | None:
    """The verdict on an environment's own engine; None where it is this machine's. Its ports cannot be tried from here."""
    from windlass.deploy.docker.engine import Docker
    from windlass.doctor import examine as ask

    docker = Docker(environment.engine)
    try:
        if not docker.remote:
            return None
        found = docker.connect()
    except WindlassError as error:
        return ask.Verdict(f"engine of {environment.name}", "broken", error.message, error.remedy)
    said = f"Docker {found.version} at {docker.reach.shown}"
    return ask.Verdict(f"engine of {environment.name}", "fine", f"{said}, ports at {docker.host()}")


def _ports_verdict(project: Project, environment: Environment, repository: Repository) -> Verdict:
    from windlass.doctor import examine as ask

    try:
        model = _compose_model(project, environment, project.root)
        target = make_target(project, environment, repository)
        ours = frozenset(end.port for state in target.observe().services for _, end in state.ports)
    except WindlassError as error:
        return ask.Verdict(f"ports of {environment.name}", "broken", str(error), error.remedy)
    mapped = {
        environment.ports.get(port, port + environment.port_offset): service
        for port, service in ask.parse_published(model).items()
    }
    return ask.ports(environment.name, mapped, ours)
