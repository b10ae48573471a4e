"""Names and labels that Windlass puts on what it runs.

Labels hold only what follows from the content: a label that changed with every release would make Compose recreate
every container. What changes every time (release, sequence) is in the state file and in `marks`.
"""

from __future__ import annotations

import re

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
