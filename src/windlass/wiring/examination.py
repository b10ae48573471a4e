"""All of `windlass doctor`'s examinations."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from windlass.errors import WindlassError
from windlass.git.repository import Repository
from windlass.paths import data_dir

if TYPE_CHECKING:
    from windlass.doctor.examine import Verdict
    from windlass.model.project import Environment, Project

from windlass.wiring.drivers import make_target
from windlass.wiring.projects import compose_model, load_project, open_repository
from windlass.wiring.registries import ensure_registry, registry_client


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
        model = compose_model(project, environment, project.root)
        target = make_target(project, environment, repository)
        ours = frozenset(end.port for state in target.observe().services for _, end in state.ports)
    except WindlassError as error:
        return ask.Verdict(f"ports of {environment.name}", "broken", str(error), error.remedy)
    mapped = {
        environment.ports.get(port, port + environment.port_offset): service
        for port, service in ask.parse_published(model).items()
    }
    return ask.ports(environment.name, mapped, ours)
