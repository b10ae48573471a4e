"""What a target says is running."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Health: TypeAlias = Literal[
    "healthy", "running", "starting", "unhealthy", "exited", "restarting", "missing", "completed", "created"
]
"""`created` is a container that nobody has started yet, where that is told from `starting`; `completed` is a one-shot service (a migration) that has ended with exit code 0."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a container port can be reached from here."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class ServiceState:
    """One service as the target sees it now. `running` counts as well as `healthy` where no health check is declared.

    `since` is ISO 8601 UTC; `ports` maps a container port to its published endpoint; `digest` is the index digest it was
    deployed with; `detail` is the last health output or exit code, one line.
    """

    service: str
    health: Health
    image: str = ""
    digest: str | None = None
    release: str | None = None
    since: str | None = None
    restarts: int = 0
    exit_code: int | None = None
    ports: tuple[tuple[int, Endpoint], ...] = ()
    detail: str = ""
    container: str = ""

    @property
    def well(self) -> bool:
        return self.health in ("healthy", "running", "completed")


@dataclass(frozen=True, slots=True)
class Observation:
    """`missing` are services without a container, though the release that was switched to last runs them; not those that
    run once and end."""

    services: tuple[ServiceState, ...]
    missing: tuple[str, ...] = ()

    def service(self, name: str) -> ServiceState | None:
        return next((state for state in self.services if state.service == name), None)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One health check or API case against a live endpoint. `last` is what was last seen, for people.

    `sent` is false when the request never left: nothing is known about the service then.
    """

    name: str
    service: str
    url: str
    passed: bool
    attempts: int
    seconds: float
    last: str
    sent: bool = True


@dataclass(frozen=True, slots=True)
class Asked:
    """What checks have asked of a service so far: requests, and how many an edge may count as errors (5xx answers, and no
    answer at all). Requests under way count as both: nobody knows yet."""

    total: int = 0
    errors: int = 0
