"""Compose files, loaded by Docker Compose itself (`docker compose config`, which needs no engine).

Compose's meaning (interpolation, env_file, extends, include, profiles, merging) is its own: nothing is re-implemented.
The result holds interpolated values, private ones among them: it stays in memory and is never written to disk.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from windlass import process
from windlass.errors import ConfigError, EnvironmentUnusable

ComposeModel: TypeAlias = dict[str, Any]
"""The JSON document that `docker compose config --format json` prints: services, networks, volumes, secrets, configs."""


def load(
    files: Sequence[Path],
    *,
    directory: Path,
    env_files: Sequence[Path] = (),
    environ: Mapping[str, str] | None = None,
    project: str | None = None,
) -> ComposeModel:
    """The merged and interpolated model of some Compose files, services of all profiles included.

    Strings come with `$` escaped as `$$`, as Compose prints them: pass them back to Compose as they are, and through
    `unescape` for every other use.

    Args:
        directory: what relative paths start from (and where `.env` is looked for unless `env_files` are given).
        environ: variables for interpolation, added to this process's own.

    Raises:
        ConfigError: Compose refuses the files; names the file.
        EnvironmentUnusable: Docker Compose is not installed.
    """
    argv = ["docker", "compose", "--profile", "*", "--project-directory", str(directory)]
    for file in files:
        if not file.is_file():
            raise ConfigError(
                "this Compose file does not exist", where=str(file), remedy="name one that does in windlass.yaml"
            )
        argv += ["-f", str(file)]
    for env_file in env_files:
        argv += ["--env-file", str(env_file)]
    if project is not None:
        argv += ["-p", project]
    done = process.run([*argv, "config", "--format", "json"], cwd=directory, env=environ)
    if not done.ok:
        raise _refusal(done.stderr, files)
    model: ComposeModel = json.loads(done.stdout)
    return model


def unescape(value: Any) -> Any:
    """The same document with every `$$` as the `$` it stands for."""
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, dict):
        return {key: unescape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unescape(item) for item in value]
    return value


def _refusal(stderr: str, files: Sequence[Path]) -> Exception:
    lines = [line for line in stderr.strip().splitlines() if "level=warning" not in line]
    said = re.sub(
        r"^(time=\S+ level=\w+ msg=|Error: |validating [^:]+: )", "", lines[-1] if lines else "no reason given"
    )
    if (
        "is not a docker command" in said
        or "unknown shorthand flag" in stderr
        or "unknown flag: --project-directory" in stderr
    ):
        return EnvironmentUnusable(
            "Docker Compose is not installed", remedy="install the Docker Compose plugin (version 2.20 or later)"
        )
    return ConfigError(
        said, where=", ".join(file.name for file in files), remedy="docker compose config shows the same"
    )
