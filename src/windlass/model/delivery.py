"""What a run did, as it is reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeAlias, TypeVar

from windlass.errors import ExitCode, WindlassError
from windlass.model.events import StageName, StageOutcome
from windlass.model.observation import CheckResult
from windlass.model.release import Release

T = TypeVar("T")

DeliveryOutcome: TypeAlias = Literal["healthy", "published", "refused", "restored", "failed"]


@dataclass(frozen=True, slots=True)
class Results(Generic[T]):
    """What a step made of each service: a value, or the error that stopped it. A service is in one of the two."""

    done: Mapping[str, T]
    failed: Mapping[str, WindlassError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StageReport:
    name: StageName
    seconds: float
    outcome: StageOutcome


@dataclass(frozen=True, slots=True)
class DeliveredService:
    """One service of the report. `scanned` is a short verdict, "not scanned" when nobody looked."""

    name: str
    digest: str
    repository: str
    tags: tuple[str, ...]
    built: bool
    scanned: str


@dataclass(frozen=True, slots=True)
class RollOut:
    """What became of a release on its target.

    `changed` is False when it ran already. `failure` is why it did not stay; `restored` the release that serves instead;
    `restore_failure` why that did not work either; `now` says then what was seen to run, and `running` which release that is,
    where it is one. `evidence` is the folder with logs and health output of what failed. `moved` are the moving tags that name
    the release now.
    """

    release: Release
    outcome: Literal["healthy", "restored", "failed"]
    changed: bool = True
    checks: tuple[CheckResult, ...] = ()
    failure: WindlassError | None = None
    restored: Release | None = None
    restore_failure: WindlassError | None = None
    evidence: str | None = None
    running: Release | None = None
    now: str = ""
    moved: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        if self.outcome == "healthy":
            return ExitCode.DONE
        if self.outcome == "restored":
            return ExitCode.RESTORED
        return ExitCode.RESTORE_FAILED if self.restore_failure is not None else ExitCode.NOTHING_TO_RESTORE


@dataclass(frozen=True, slots=True)
class Delivery:
    """The report of a run. `failures` maps a service to the error that stopped it; `rollout` is None when nothing was deployed,
    `refusal` why that was not allowed."""

    commit: str
    environment: str | None
    outcome: DeliveryOutcome
    services: tuple[DeliveredService, ...]
    stages: tuple[StageReport, ...]
    failures: Mapping[str, WindlassError] = field(default_factory=dict)
    rollout: RollOut | None = None
    not_scanned: str | None = None
    refusal: WindlassError | None = None

    @property
    def exit_code(self) -> int:
        """The roll-out's verdict first: what users feel outweighs a service that was left out."""
        if self.rollout is not None and self.rollout.outcome != "healthy":
            return self.rollout.exit_code
        if self.refusal is not None:
            return self.refusal.exit_code
        if self.failures:
            codes = {error.exit_code for error in self.failures.values()}
            return ExitCode.STAGE_FAILED if ExitCode.STAGE_FAILED in codes else min(codes)
        return ExitCode.DONE
