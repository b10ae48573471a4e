"""Where Windlass keeps things on this machine, and nowhere else.

`WINDLASS_HOME` replaces all of it; otherwise the XDG base directories are honoured.
"""

from __future__ import annotations

import os
from pathlib import Path


def data_dir() -> Path:
    """Things worth keeping: the embedded registry's blobs, deployed bind mounts, evidence of failed releases."""
    return _home("XDG_DATA_HOME", ".local/share")


def cache_dir() -> Path:
    """Things that can be made again: OCI layouts, materialised build contexts."""
    return _home("XDG_CACHE_HOME", ".cache", "cache")


def _home(variable: str, default: str, below: str = "data") -> Path:
    if own := os.environ.get("WINDLASS_HOME"):
        return Path(own).expanduser() / below
    base = os.environ.get(variable)
    return (Path(base) if base else Path.home() / default) / "windlass"
