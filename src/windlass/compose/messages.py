"""What Docker Compose says on standard error, turned into one line each: the file, what is wrong, what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from windlass.errors import ConfigError, EnvironmentUnusable, WindlassError

_WARNING = re.compile(r'level=warning msg="((?:[^"\\]|\\.)*)"')
_UNSET = re.compile(r'The "([^"]+)" variable is not set')
_PREFIX = re.compile(r"^(?:time=\S+ level=\w+ msg=|Error: |error: |ERROR: |failed to load: )")


def warnings(stderr: str) -> tuple[str, ...]:
    """Compose's warnings as sentences, each once."""
    found = []
    for match in _WARNING.findall(stderr):
        said = match.replace('\\"', '"').replace("\\\\", "\\")
        unset = _UNSET.search(said)
        found.append(f"the variable {unset[1]} has no value; Compose takes it as empty" if unset else said.rstrip("."))
    return tuple(dict.fromkeys(found))


def unset(stderr: str) -> tuple[str, ...]:
    """Names of the variables that had no value and no default."""
    return tuple(dict.fromkeys(_UNSET.findall(stderr.replace('\\"', '"'))))


def refusal(stderr: str, files: Sequence[str], directory: Path) -> WindlassError:
    """The error that Compose's refusal stands for.

    Args:
        files: what the user calls the Compose files.
        directory: stripped from paths in messages.
    """
    if any(
        mark in stderr
        for mark in ("is not a docker command", "unknown shorthand flag", "unknown flag: --project-directory")
    ):
        return EnvironmentUnusable(
            "Docker Compose is not installed", remedy="install the Docker Compose plugin (version 2.20 or later)"
        )
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and "level=warning" not in line]
    said = " ".join(_PREFIX.sub("", lines[-1]).split()) if lines else "Docker Compose gave no reason"
    return ConfigError(said.replace(f"{directory}/", ""), where=", ".join(files))
