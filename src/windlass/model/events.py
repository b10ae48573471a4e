"""What a run says while it goes on. Library code emits these; terminals, files and pages are sinks for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

StageName: TypeAlias = Literal[
    "plan",
    "build",
    "test",
    "scan",
    "publish",
    "admit",
    "deploy",
    "verify",
    "watch",
    "record",
    "restore",
    "pull",
    "start",
]
"""The stages of a delivery; `watch` is what is left of watching users fare when all checks have passed; `pull` and `start` are those of local development."""
StageOutcome: TypeAlias = Literal["ok", "failed", "skipped", "unchanged", "interrupted"]
ServiceOutcome: TypeAlias = Literal["ok", "failed", "skipped", "reused", "interrupted"]


@dataclass(frozen=True, slots=True)
class StageStarted:
    stage: StageName
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StageFinished:
    stage: StageName
    outcome: StageOutcome
    seconds: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ServiceStarted:
    stage: StageName
    service: str


@dataclass(frozen=True, slots=True)
class ServiceProgress:
    """One short line about what the service is doing right now, replacing the last such line."""

    stage: StageName
    service: str
    message: str


@dataclass(frozen=True, slots=True)
class ServiceLog:
    """A line of a service's own output (build log, test output)."""

    stage: StageName
    service: str
    line: str


@dataclass(frozen=True, slots=True)
class ServiceFinished:
    stage: StageName
    service: str
    outcome: ServiceOutcome
    seconds: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know that belongs to no single service."""

    text: str
    level: Literal["info", "warning"] = "info"
    remedy: str | None = None


Event: TypeAlias = (
    StageStarted | StageFinished | ServiceStarted | ServiceProgress | ServiceLog | ServiceFinished | Notice
)
Emit: TypeAlias = Callable[[Event], None]


def silent(_event: Event) -> None:
    """The default sink: says nothing."""
