"""Words that the reports about a registry's files share."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from windlass.errors import UsageError


def existing(root: Path) -> Path:
    """The root, absolute.

    Raises:
        UsageError: no registry ever kept anything there.
    """
    if not (root / "blobs").is_dir():
        raise UsageError(f"{root} holds no registry", remedy="name its folder with --root DIR")
    return root.absolute()


def needed_by(dependents: Iterable[Mapping[str, Any]]) -> str:
    """Who needs some content: `needed by platform:v1, platform@sha256:…`."""
    names = []
    for each in dependents:
        names += [f"{each['repository']}:{tag}" for tag in each["tags"]] or [f"{each['repository']}@{each['manifest']}"]
    return f"needed by {', '.join(names)}" if names else "no manifest needs it"


def number(text: str) -> float:
    """A finite number that is not negative, as an option's value."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of 0 or more")
    return value
