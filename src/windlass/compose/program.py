"""Where Docker Compose itself is: the plugin that `docker compose` would run, without the search for all the others."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

_SYSTEM = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
"""Docker's own order, after the user's folder (docker/cli, `cli-plugins/manager`)."""


def direct(argv: Sequence[str]) -> list[str]:
    """The same command, given to the plugin; as it is where it is not certain which one Docker would take."""
    if list(argv[:2]) == ["docker", "compose"] and (found := plugin()) is not None:
        return [found, *argv[2:]]
    return list(argv)


def plugin() -> str | None:
    """The plugin's path; None where it is not certain which one Docker would take."""
    docker = shutil.which("docker")
    own = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        if docker is None:
            return None
        with Path(docker).open("rb") as program:
            if program.read(2) == b"#!":  # a script: another engine behind Docker's name
                return None
        settings = own / "config.json"
        if settings.exists() and (
            "cliPluginsExtraDirs" in (told := json.loads(settings.read_bytes())) or told.get("plugins")
        ):
            return None
    except (OSError, ValueError, AttributeError, TypeError):
        return None
    for folder in (own / "cli-plugins", *map(Path, _SYSTEM)):
        found = folder / "docker-compose"
        if found.is_file() and os.access(found, os.X_OK):
            return str(found)
    return None
