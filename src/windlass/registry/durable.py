"""Writing files so that a crash at any byte leaves either the old state or the new one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


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


def write_file(path: Path, data: bytes, scratch: Path) -> None:
    """Write a whole file: to a temporary name in `scratch` (on the same file system), synced, renamed, folder synced.

    Nothing is left behind on failure.
    """
    temporary = scratch / f"write-{os.urandom(12).hex()}"
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            write_all(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def touch_file(path: Path) -> None:
    """Create an empty file durably; one that is there stays as it is."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
    except FileExistsError:
        return
    sync_folder(path.parent)


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
