"""Folders with a tree's files, for the time of a `with` block, and gone afterwards whatever became of their process."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from windlass.git.repository import Repository

_YOUNG = 60.0
"""Seconds in which a folder may not be held yet by the process that just made it."""


@contextmanager
def materialised(repository: Repository, tree: str, place: Path, paths: Sequence[str] | None = None) -> Iterator[Path]:
    """A folder below `place` with a tree's files, or those at or below some paths.

    What a killed process left there is removed: every folder is locked by the process that works in it.

    Raises:
        OSError: the disk is full, or not writable.
    """
    place.mkdir(parents=True, exist_ok=True)
    sweep(place)
    with tempfile.TemporaryDirectory(prefix=f"{tree[:12]}-", dir=place) as made:
        folder = Path(made)
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if paths is None:
                repository.materialise(tree, folder)
            else:
                repository.materialise_few(tree, folder, paths)
            yield folder
        finally:
            os.close(handle)


def sweep(place: Path, *, young: float = _YOUNG) -> None:
    """Remove the folders below `place` that no process works in any more."""
    for folder in place.iterdir():
        with suppress(OSError):  # somebody else was quicker, or is at work in it
            if time.time() - folder.stat().st_ctime < young:
                continue
            handle = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)
