"""Removing a whole repository: what makes it one is moved out of the way first, then deleted at leisure."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from windlass.registry.server.storage.durable import make_folders, sync_folder

_FOLDERS = ("_tags", "_manifests", "_referrers", "_attributes", "_blobs")
"""In the order of going: after any of them, what is left is a repository that lacks something, never a wrong one."""


def remove_repository(root: Path, folder: Path) -> None:
    """Remove the repository in `folder`; hold its lock. Repositories below its name stay.

    Raises:
        OSError
    """
    waste = root / "removed" / os.urandom(12).hex()
    make_folders(waste)
    for name in _FOLDERS:
        if (folder / name).is_dir():
            (folder / name).rename(waste / name)
            sync_folder(folder)
    shutil.rmtree(waste, ignore_errors=True)


def clear_removed(root: Path) -> None:
    """Delete what an interrupted removal left."""
    if (root / "removed").is_dir():
        shutil.rmtree(root / "removed", ignore_errors=True)
