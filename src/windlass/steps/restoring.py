"""The way back: an earlier release serves again, or it is said what runs instead."""

from __future__ import annotations

from dataclasses import dataclass

from windlass.deploy.interface import Deployed, Target
from windlass.errors import DeploymentFailed, EnvironmentUnusable, Locked, UsageError, WindlassError
from windlass.model.events import Emit, Notice
from windlass.model.observation import CheckResult
from windlass.model.project import Environment
from windlass.model.release import Release
from windlass.steps.checking import Checking
from windlass.steps.running import Running, running_now
from windlass.steps.stopwatch import Stopwatch
from windlass.steps.tools import Tools


@dataclass(frozen=True, slots=True)
class Back:
    """`failure` is why the way back failed, None when it did not. `seconds` passed until users reached the release again;
    `now` is what was seen to run, after a failure."""

    checks: tuple[CheckResult, ...] = ()
    failure: WindlassError | None = None
    seconds: float = 0.0
    now: Running | None = None


@dataclass(frozen=True, slots=True)
class Restoring:
    environment: Environment
    tools: Tools
    target: Target
    emit: Emit

    def bring_back(self, fallback: Release, failed: Release, sequence: int) -> Back:
        """Let users reach `fallback` again, and check it. Once they do, nothing but its checks makes a failure of it.

        Raises:
            Locked: somebody took the environment over.
        """
        began = self.tools.clock.now()
        try:
            deployed: Deployed | None = self._restored(fallback, sequence)
        except Locked:
            raise
        except (WindlassError, OSError) as error:
            now = running_now(self.target, (fallback, failed), self.tools.clock)
            if now.release != fallback or not now.well:
                return Back(failure=self._explained(error, fallback, now), now=now)
            self._warn(f"{fallback.id} runs again; on the way back, this went wrong", error)
            deployed = None
        seconds = self.tools.clock.now() - began
        try:
            checks = self._verified(fallback)
        except DeploymentFailed as error:
            now = running_now(self.target, (fallback, failed), self.tools.clock)
            return Back(failure=self._explained(error, fallback, now), seconds=seconds, now=now)
        if deployed is not None:
            retire(self.target, deployed, self.emit)
        return Back(checks, None, seconds)

    def _restored(self, fallback: Release, sequence: int) -> Deployed:
        """Raises as `Target.restore`, after a second try where the first said nothing about the release."""
        try:
            return self.target.restore(fallback, sequence, self.emit)
        except Locked:
            raise
        except (WindlassError, OSError) as error:
            if not _may_pass(error):
                raise
            self._warn("the way back is tried once more", error)
            running_now(self.target, (), self.tools.clock)  # until the engine answers
            return self.target.restore(fallback, sequence, self.emit)

    def _verified(self, fallback: Release) -> tuple[CheckResult, ...]:
        """Raises VerificationFailed; checks that could not even be made are made once more."""
        checking = Checking(self.environment, self.tools, self.target, self.emit)
        watch = Stopwatch(self.emit, self.tools.clock)
        try:
            return checking.verify(fallback, watch)
        except DeploymentFailed as error:
            if not _may_pass(error):
                raise
            running_now(self.target, (), self.tools.clock)
            return checking.verify(fallback, watch)

    def _explained(self, error: WindlassError | OSError, fallback: Release, now: Running) -> WindlassError:
        """The error of a failed way back, with what to do now."""
        place = self.environment.name
        if now.release == fallback:
            remedy = f"windlass verify {place} asks again, windlass logs {place} shows what the services say"
        else:
            remedy = f"windlass rollback {place} {fallback.id} tries again, windlass status {place} shows what runs"
        if not now.known:
            remedy = f"see that the engine answers (windlass doctor), then windlass rollback {place} {fallback.id}"
        if isinstance(error, OSError):
            return EnvironmentUnusable(str(error), where=place, remedy=remedy)
        kept = error.remedy if not isinstance(error, DeploymentFailed) else None
        error.remedy = f"{kept}; {remedy}" if kept else remedy
        return error

    def _warn(self, text: str, error: Exception) -> None:
        self.emit(Notice(f"{text}: {error}", "warning"))


def retire(target: Target, deployed: Deployed, emit: Emit) -> None:
    """Remove what the release no longer has. It serves and was checked: that something stays behind, or somebody else is at
    the environment now, is said and changes nothing about that."""
    try:
        target.retire(deployed, emit)
    except (WindlassError, OSError) as error:
        emit(Notice(f"not everything of the release before could be removed: {error}", "warning", "the next one does"))


def _may_pass(error: Exception) -> bool:
    """Whether it says nothing about the release: an engine that did not answer, an edge that was slow, a check that could
    not be sent."""
    if isinstance(error, DeploymentFailed):
        return not error.blames
    return not isinstance(error, (Locked, UsageError))
