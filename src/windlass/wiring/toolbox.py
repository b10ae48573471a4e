"""One project's drivers, put together for the flow, for plans alone, and for `windlass dev`."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Literal

from windlass.git.repository import Repository
from windlass.paths import cache_dir, data_dir
from windlass.steps.tools import Tools
from windlass.waiting import SystemClock

if TYPE_CHECKING:
    from windlass.dev.workbench import Workbench
    from windlass.model.plan import Plan
    from windlass.model.project import Environment, Project
    from windlass.model.source import Source
    from windlass.oci.client import RegistryClient
    from windlass.oci.memory import RegistryMemory
    from windlass.steps.tools import Planner

from windlass.wiring.checks import Checks
from windlass.wiring.declared import Declarations
from windlass.wiring.drivers import make_builder, make_scanner, make_target
from windlass.wiring.head_start import HeadStart
from windlass.wiring.projects import materialised, services_of
from windlass.wiring.registries import base_images, ensure_registry, registry_client


def tools(
    project: Project,
    repository: Repository,
    tree: str,
    *,
    registry: Literal["up", "on demand", "as it is"] = "up",
    started: HeadStart | None = None,
) -> Tools:
    """All drivers of a project; `tree` is the one it was read from.

    Args:
        registry: whether the embedded one, if it is the one configured, is started now, when `Tools.images` is first asked,
            or not at all.
    """
    from windlass.oci.images import RegistryImages
    from windlass.oci.memory import RegistryMemory
    from windlass.state.git_ref import GitState

    if registry == "up":
        ensure_registry(project)
    ready = cache(partial(ensure_registry, project)) if registry == "on demand" else lambda: None
    client = registry_client(project)
    memory = RegistryMemory(client, project.registry.prefix)
    declarations = Declarations(project, repository, tree)
    checks = Checks(repository, declarations)
    shared = [project.registry.repository(name) for name in ("windlass/cache", *(s.image for s in project.buildable))]
    return Tools(
        project=project,
        plan=_planner(project, repository, memory, started),
        memory=memory,
        images=RegistryImages(client, mount_from=shared, ready=ready),
        builder=lambda emit: make_builder(project, emit),
        scanner=make_scanner(),
        state=GitState(repository, project.state_remote),
        target=lambda environment: make_target(
            project, environment, repository, lambda release: declarations.of(environment, release.tree)
        ),
        verify=checks.verify,
        verifiable=checks.verifiable,
        materialise=lambda tree: materialised(repository, tree),
        services_of=lambda source, environment: services_of(
            declarations.project(source.tree), repository, source, environment
        ),
        declared=declarations.of,
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

    known = variables(project.root, environment.env_files, environment.compose)
    return {name: bool(known.get(name)) for name in environment.secrets}
