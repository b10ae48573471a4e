"""Writing files so that a crash at any byte leaves either the old state or the new one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from windlass.registry.server.storage.crash import passing

_unsynced: set[str] = set()
"""Names that exist and whose folder is not synced yet: who finds one of them there may not call it durable."""


def sync_folder(folder: str | Path) -> None:
    """Make names that were added to or removed from a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folders(folder: Path) -> None:
    """Create a folder and its missing parents, each of them durably."""
    missing: list[Path] = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        sync_folder(each.parent)


def rename(file: Path, path: Path) -> None:
    """Give a synced file its name; durable once `settle(path)` returned, for whoever calls that."""
    _unsynced.add(str(path))
    file.replace(path)


def settle(path: Path) -> None:
    """Sync the folder of a name that this process made, unless that was done before.

    Two requests may bring the same content: the one that finds it there must not promise what the other has not synced yet.
    """
    if str(path) in _unsynced:
        sync_folder(path.parent)
        _unsynced.discard(str(path))


def write_file(path: Path, data: bytes, scratch: Path) -> None:
    """Write a whole file: to a temporary name in `scratch` (on the same file system), synced, renamed, folder synced.

    Nothing is left behind on failure.
    """
    temporary = temporary_name(scratch)
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            write_all(handle, data)
            passing("file-written")
            os.fsync(handle)
        finally:
            os.close(handle)
        passing("file-synced")
        rename(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    passing("file-named")
    settle(path)


def temporary_name(scratch: Path) -> Path:
    """A name for a file that no restart will miss: `remove_temporary` takes it away."""
    return scratch / f"{_TEMPORARY}{os.urandom(12).hex()}"


def remove_temporary(scratch: Path) -> int:
    """Remove what a crash left under temporary names; nobody may be writing. How many."""
    found = [entry.path for entry in os.scandir(scratch) if entry.name.startswith(_TEMPORARY)]
    for path in found:
        os.unlink(path)  # noqa: PTH108
    return len(found)


_TEMPORARY = "write-"


def touch_file(path: Path) -> None:
    """Create an empty file durably; one that is there stays as it is."""
    if not path.exists():
        _unsynced.add(str(path))
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o644))
        passing("link-made")
    settle(path)


def remove_file(path: Path) -> bool:
    """Remove a file durably; False when there was none."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    sync_folder(path.parent)
    return True


def write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def write_many(handle: int, parts: Iterable[bytes]) -> None:
    for part in parts:
        write_all(handle, part)
