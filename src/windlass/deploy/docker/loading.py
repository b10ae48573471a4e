"""A release's Compose files, loaded from its tree as if it were checked out.

When the checkout holds exactly the release's tree, it is read as it is, unless it has to be known which paths are relative
to it: Compose makes all of them absolute, and `../data` looks like a path of the engine's host then. Otherwise the tree is written to a private
folder, and everything untracked in the checkout (`.env`, env files, secrets) is linked into it: Compose finds it at the
same relative path, and no value is copied anywhere.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from windlass.compose.load import ComposeModel, project_directory, read
from windlass.errors import ConfigError
from windlass.git.repository import Repository
from windlass.model.release import Release

_DEPTH = 8
"""Folders around the written tree, so that a path like `../data` is still recognised as relative to it."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """`root` is the folder that stood for the repository's root, `base` the one around it that is gone by now.

    `unset` names the variables that Compose found no value for and took as empty.
    """

    model: ComposeModel = field(repr=False)
    root: Path
    base: Path
    unset: tuple[str, ...] = ()


def load_release(
    repository: Repository, release: Release, *, env_files: Sequence[str], project: str, apart: bool = False
) -> Loaded:
    """The model of `release.compose`, interpolated: keep it in memory.

    Args:
        env_files: relative to the repository's root; passed to Compose as `--env-file`.
        project: the Compose project's name.
        apart: load from a written tree in any case, so that paths relative to it are told from absolute ones.

    Raises:
        ConfigError: Compose refuses the files, or a variable they require is missing.
        EnvironmentUnusable: Docker Compose is not installed, or git no longer has the tree.
    """
    if not apart and repository.snapshot().tree == release.tree:
        return _load(repository.root, repository.root, release, env_files, project)
    with _written(repository, release.tree) as (root, base):
        try:
            return _load(root, base, release, env_files, project)
        except ConfigError as error:
            message = error.message.replace(f"{root}/", "")
            raise ConfigError(message, where=error.where, remedy=error.remedy) from error


def _load(root: Path, base: Path, release: Release, env_files: Sequence[str], project: str) -> Loaded:
    loaded = read(
        [root / name for name in release.compose],
        directory=root / project_directory(release.compose),
        env_files=[root / name for name in env_files],
        project=project,
    )
    return Loaded(loaded.model, root, base, loaded.unset)


@contextmanager
def _written(repository: Repository, tree: str) -> Iterator[tuple[Path, Path]]:
    base = Path(tempfile.mkdtemp(prefix="windlass-")).resolve()  # mode 700
    try:
        root = base.joinpath(*["up"] * _DEPTH, "tree")
        repository.materialise(tree, root)
        _link_untracked(repository, root)
        yield root, base
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _link_untracked(repository: Repository, root: Path) -> None:
    """Link what git does not track, ignored files too, wherever the tree has nothing of its own."""
    for name in repository.git("ls-files", "--others", "--directory", "-z").split("\0"):
        link = root / name.rstrip("/")
        if not name or link.exists() or link.is_symlink():
            continue
        try:
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(repository.root / name.rstrip("/"))
        except (FileExistsError, NotADirectoryError):
            continue  # the release has a file where the checkout has a folder
