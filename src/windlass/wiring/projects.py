"""The project of a checkout or a commit, and folders with its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from windlass.errors import ConfigError
from windlass.git.repository import Repository
from windlass.paths import cache_dir

if TYPE_CHECKING:
    from windlass.compose.load import ComposeModel
    from windlass.model.project import Environment, Project
    from windlass.model.source import Source


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


def materialised(repository: Repository, tree: str, paths: Sequence[str] | None = None) -> AbstractContextManager[Path]:
    """A folder with a tree's files, or those at or below some paths, gone at the end."""
    from windlass.git import contexts

    return contexts.materialised(repository, tree, cache_dir() / "contexts", paths)


def compose_model(project: Project, environment: Environment, folder: Path) -> ComposeModel:
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


def services_of(
    project: Project, repository: Repository, source: Source, environment: Environment
) -> Mapping[str, str]:
    """Each service of an environment's Compose files → the service of `project`, which `source` declares, whose image it runs."""
    if environment.compose == project.compose:
        return {service.name: service.name for service in project.buildable}
    from windlass.compose.load import unescape
    from windlass.config.runs import runs

    with materialised(repository, source.tree) as folder:
        model = compose_model(project, environment, folder)
    return runs(unescape(model), project)


def project_at(project: Project, repository: Repository, tree: str) -> Project:
    """The project that a tree declares; `project` where this version cannot read that."""
    from windlass.config.load import load_project as load

    with _declared(repository, tree) as folder:
        try:
            return load(repository.root, directory=folder)
        except ConfigError:
            return project


@contextmanager
def _declared(repository: Repository, tree: str) -> Iterator[Path]:
    """A folder with the files of a tree that say what the project is; with all files where they cannot be told apart."""
    from windlass.config.declaring import declaring

    paths = declaring(lambda names: repository.read_many([f"{tree}:{name}" for name in names]))
    with materialised(repository, tree, paths) as folder:
        yield folder
