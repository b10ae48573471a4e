"""Names and labels that Windlass puts on what it runs.

Labels hold only what follows from the content: a label that changed with every release would make Compose recreate
every container. What changes every time (release, sequence) is in the state file and in `marks`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from windlass.errors import ConfigError

PROJECT = "dev.windlass.project"
ENVIRONMENT = "dev.windlass.environment"
SERVICE = "dev.windlass.service"
DIGEST = "dev.windlass.digest"
CONFIG = "dev.windlass.config"
ONE_SHOT = "dev.windlass.one-shot"
FRONTED = "dev.windlass.fronted"
"""On containers that users reach through an edge."""
WORKER = "dev.windlass.worker"
"""On containers that nobody connects to, and that a release starts beside those before it."""
EDGE = "dev.windlass.edge"
"""On edges: what it was made for, as JSON."""
SEQUENCE = "dev.windlass.sequence"
"""On a volume of each environment: the number of its newest deployment (`marks`)."""


def compose_project(project: str, environment: str) -> str:
    """The Compose project name of an environment: lower case letters, digits, `_` and `-`, starting with one of the first two."""
    joined = re.sub(r"[^a-z0-9_-]+", "-", f"{project}-{environment}".lower())
    return joined.strip("-_") or "windlass"


def refuse_others(project: str, environment: str, owners: Iterable[tuple[str, str]]) -> None:
    """See that what runs under an environment's Compose project is its own: `shop` in `api-staging` has the same one as
    `shop-api` in `staging`, and each would end the other's containers.

    Args:
        owners: (project, environment) of each container there, ("", "") where it says none.

    Raises:
        ConfigError: another project or environment has containers there.
    """
    for theirs in sorted(set(owners)):
        if theirs not in (("", ""), (project, environment)):
            name = compose_project(project, environment)
            raise ConfigError(
                f"{name} is the Compose project of {theirs[0]} in {theirs[1]} on this engine: {project} in {environment} "
                "would take its containers for its own",
                where="windlass.yaml: project",
                remedy="give the project or the environment another name; where they were renamed, and what runs is to go: "
                f"docker compose -p {name} down",
            )
