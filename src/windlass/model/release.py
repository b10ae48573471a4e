"""Releases, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["deploy", "rollback", "promote"]
BEFORE_SWITCH = "*"
"""No service's name: in `Release.excluded` it says that neither users nor other services reach the release yet."""

Outcome: TypeAlias = Literal["deploying", "healthy", "failed", "restored", "interrupted"]


@dataclass(frozen=True, slots=True)
class ReleasedService:
    """One service of a release. `image` is `host/repository`; deployed as `image@digest`. `scanned` is a short verdict."""

    name: str
    image: str
    digest: str
    tags: tuple[str, ...] = ()
    fingerprint: str | None = None
    built: bool = False
    scanned: str = "not scanned"

    @property
    def reference(self) -> str:
        return f"{self.image}@{self.digest}"


@dataclass(frozen=True, slots=True)
class Release:
    """Everything needed to run this again.

    `tree` is a git tree object kept alive by the environment's ref: Compose files, env files that are tracked and
    bind-mounted files all come from it. Values of variables and secrets are looked up again at deployment; they are
    never stored. `excluded` maps a Compose service that is left out to the reason. `inactive` are services whose image is part of
    the release and which the environment does not run, because their profile is not active there or they have no replicas.
    `created` is ISO 8601, UTC.
    """

    id: str
    environment: str
    commit: str
    tree: str
    compose: tuple[str, ...]
    services: tuple[ReleasedService, ...]
    created: str
    profiles: tuple[str, ...] = ()
    excluded: tuple[tuple[str, str], ...] = ()
    branch: str | None = None
    inactive: tuple[str, ...] = ()

    @property
    def active(self) -> tuple[ReleasedService, ...]:
        """The services that the environment runs."""
        return tuple(service for service in self.services if service.name not in self.inactive)

    def service(self, name: str) -> ReleasedService | None:
        return next((service for service in self.services if service.name == name), None)


@dataclass(frozen=True, slots=True)
class Lease:
    """Who is changing the environment: a process on a host, until a moment (ISO 8601, UTC).

    `machine` and `started` tell the process from others of its number, `token` one hold from every other; `run` is the
    address of the CI run it is part of.
    """

    host: str
    pid: int
    expires: str
    machine: str = ""
    started: str = ""
    run: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of an environment's history: a release and what became of it.

    `sequence` grows with every record of the environment and is the fencing number of target changes. `running`
    is the id of the release that serves after this record (the restored one after a failure), or None. `blamed` says that
    the release itself failed (it never got ready, or its checks failed); `retry` that somebody said to deploy it though
    it was in quarantine.
    """

    sequence: int
    release: Release
    outcome: Outcome
    at: str
    by: str
    running: str | None
    reason: str = ""
    evidence: str | None = None
    kind: Kind = "deploy"
    lease: Lease | None = None
    blamed: bool = False
    retry: bool = False
