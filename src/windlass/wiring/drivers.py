"""Builders, scanners and targets by their names: the only place that names them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from windlass.git.repository import Repository
from windlass.paths import data_dir

if TYPE_CHECKING:
    from windlass.build.interface import Builder
    from windlass.deploy.interface import Target
    from windlass.model.events import Emit
    from windlass.model.project import Declared, Environment, Project
    from windlass.model.release import Release
    from windlass.process import Completed
    from windlass.scan.interface import Scanner


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


def make_target(
    project: Project,
    environment: Environment,
    repository: Repository,
    declared: Callable[[Release], Declared] | None = None,
) -> Target:
    """Without `declared`, releases run as the project and the environment that are given say."""
    return _TARGETS[environment.target](project, environment, repository, declared)


def engines(project: Project) -> tuple[Callable[[Sequence[str]], Completed], ...]:
    """Ways to run a `docker` command on each engine that environments name. None is gone to before that."""
    from windlass.deploy.docker.remote import Access

    named = dict.fromkeys(environment.engine for environment in project.environments)
    return tuple(Access(engine).run for engine in named if engine is not None)


def _buildx() -> Builder:
    from windlass.build.buildx import BuildxBuilder

    return BuildxBuilder()


def _buildah() -> Builder:
    from windlass.build.buildah import BuildahBuilder

    return BuildahBuilder()


def _docker(
    project: Project,
    environment: Environment,
    repository: Repository,
    declared: Callable[[Release], Declared] | None,
) -> Target:
    from windlass.deploy.docker.target import DockerTarget

    return DockerTarget(project, environment, repository, home=data_dir(), declared=declared)


_BUILDERS: dict[str, Callable[[], Builder]] = {"buildx": _buildx, "buildah": _buildah}


_TARGETS: dict[str, Callable[[Project, Environment, Repository, Callable[[Release], Declared] | None], Target]] = {
    "docker": _docker
}


def _best_builder() -> str:
    """buildx wherever there is a docker client; buildah where there is only that."""
    return "buildx" if shutil.which("docker") or not shutil.which("buildah") else "buildah"
