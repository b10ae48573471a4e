"""Bring a release to its environment: admit, deploy, verify, record; and the last healthy one back when it does not stay."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from windlass import interruption
from windlass.deploy.interface import Deployed, Prepared, Target
from windlass.errors import DeploymentFailed, EnvironmentUnusable, Locked, VerificationFailed, WindlassError
from windlass.model.delivery import RollOut
from windlass.model.events import Emit, Notice
from windlass.model.observation import CheckResult
from windlass.model.project import Environment
from windlass.model.release import Kind, Outcome, Record, Release
from windlass.state.interface import running_release, was_healthy, ways_back
from windlass.state.quarantine import content
from windlass.steps import evidence
from windlass.steps.beside import beside_only, quietly
from windlass.steps.checking import Checking
from windlass.steps.compose_release import same_content
from windlass.steps.moving_tags import move_tags
from windlass.steps.once import once
from windlass.steps.restoring import Back, Restoring, retire
from windlass.steps.running import running_now
from windlass.steps.stopwatch import Stopwatch
from windlass.steps.tools import Tools

_HURRY = 2.0
"""Seconds that somebody who interrupts is kept, for a look at what runs."""


def roll_out(
    release: Release,
    kind: Kind,
    environment: Environment,
    records: tuple[Record, ...],
    tools: Tools,
    watch: Stopwatch,
    emit: Emit,
    *,
    retry: bool = False,
) -> RollOut:
    """Deploy and verify a release; restore the last healthy one when that fails. The verdict is in the value, not raised.

    Args:
        records: the environment's history, newest first, that made it the release to deploy.
        retry: it is in quarantine, and somebody said to deploy it all the same: that is recorded.

    Raises:
        Held: somebody else is changing the environment; nothing was touched.
        Overtaken: somebody else has changed it; nothing was touched.
        Locked: somebody else took the environment over.
        ConfigError: something the release needs is missing here; nothing was touched.
        EngineUnavailable: the target does not answer.
        EnvironmentUnusable: the release serves and is recorded, but its moving tags could not be moved.
    """
    emit = once(emit)
    run = _Run(environment, tools, tools.target(environment), watch, emit)
    current = running_release(records)
    admitted: Record | None = None
    try:
        with watch.stage("admit") as verdict:
            prepared, failure = run.prepare(release)
            if prepared is not None:
                release = replace(release, inactive=_inactive(prepared))
            unchanged = bool(
                prepared
                and prepared.nothing_to_do
                and current is not None
                and records[0].outcome in ("healthy", "restored")
                and same_content(current, release)
            )
            if unchanged:
                verdict.outcome, verdict.detail = "unchanged", f"{release.id} runs already"
            else:
                admitted = tools.state.admit(
                    release, kind, current.id if current else None, retry=retry, decided_on=records
                )
        if unchanged and current is not None:
            return run.look_again(replace(current, inactive=release.inactive))
        assert admitted is not None
        ours = admitted
        if prepared is not None:
            # A release that is gone back to was healthy before. Were it watched and left again, the one that somebody
            # wants gone would serve. Nor is what runs already, unless it is not known how it fared: whoever led users to it
            # was interrupted.
            known = bool(records) and records[0].outcome in ("healthy", "restored")
            new = kind != "rollback" and not (prepared.nothing_to_do and known)
            checks, failure = run.attempt(release, lambda: run.switch(prepared, ours), watched=new)
            if failure is None:
                with watch.stage("record"):
                    run.settle(admitted, "healthy", serving=release)
        if failure is not None:
            return run.restore(admitted, fallback(release, records), failure)
    except Locked as error:
        if admitted is not None:
            with suppress(Locked):  # somebody took the environment over: the record is theirs now
                run.settle(admitted, "failed", serving=current, reason=str(error))
        raise
    except KeyboardInterrupt:
        if admitted is not None:
            run.interrupted(admitted, current)
        raise
    except Exception as error:
        if admitted is not None:
            run.give_up(admitted, current, error)
        raise
    moved = run.move_tags(
        release
    )  # the record is written: what happens to a tag cannot change what became of the release
    return RollOut(release, "healthy", checks=checks, moved=moved)


def fallback(release: Release, records: tuple[Record, ...]) -> Release | None:
    """What serves again when a release fails: what serves now, where that was healthy; otherwise the latest that was. Never
    what the release is itself.

    Args:
        records: the history before it, newest first.
    """
    current = running_release(records)
    candidates = ((current,) if current is not None and was_healthy(records, current) else ()) + ways_back(records)
    return next((one for one in candidates if content(one) != content(release)), None)


def _inactive(prepared: Prepared) -> tuple[str, ...]:
    """The release's services that the target would not run."""
    runs = {change.service for change in prepared.changes if change.action != "remove"}
    return tuple(service.name for service in prepared.release.services if service.name not in runs)


@dataclass(frozen=True, slots=True)
class _Run:
    environment: Environment
    tools: Tools
    target: Target
    watch: Stopwatch
    emit: Emit

    def prepare(self, release: Release) -> tuple[Prepared | None, DeploymentFailed | None]:
        self.tools.verifiable(self.environment, release)
        try:
            return self.target.prepare(release, self.emit), None
        except DeploymentFailed as error:
            error.blames = False  # an image that cannot be pulled now may be there tomorrow
            return None, error

    def switch(self, prepared: Prepared, admitted: Record) -> Deployed:
        """Let users reach a release; what can stand beside the old one is checked before.

        Raises as `Target.switch` and `State.assure`; VerificationFailed: a check failed before any user reached the release.
        """
        checked = self.target.check(prepared, self.emit, admitted.sequence)
        if checked.services:
            self.checking.ask(
                beside_only(checked),
                lambda service, port: self.target.endpoint_beside(checked, service, port),
                quietly(self.emit),
                when="before the switch, ",
            )
        interruption.honour()
        self.tools.state.assure(admitted)
        return self.target.switch(checked, admitted.sequence, self.emit)

    def attempt(
        self, release: Release, switch: Callable[[], Deployed], *, watched: bool
    ) -> tuple[tuple[CheckResult, ...], DeploymentFailed | None]:
        """Let users reach a release and check it: the checks it passed, or why it did not stay."""
        try:
            with self.watch.stage("deploy", tuple(service.name for service in release.active)):
                deployed = switch()
            checks = self.checking.verify(release, self.watch, watched=deployed if watched else None)
        except DeploymentFailed as error:
            return (), error
        except Locked:
            raise
        except (WindlassError, OSError) as error:  # users may reach it already: what was not seen to work must not stay
            remedy = error.remedy if isinstance(error, WindlassError) else None
            return (), DeploymentFailed(str(error), remedy=remedy, blames=False)
        retire(self.target, deployed, self.emit)
        return checks, None

    @property
    def checking(self) -> Checking:
        return Checking(self.environment, self.tools, self.target, self.emit)

    def look_again(self, release: Release) -> RollOut:
        """Verify a release that runs already. When its checks fail there is nothing better to go back to: it is said."""
        try:
            checks = self.checking.verify(release, self.watch)
        except VerificationFailed as error:
            kept = self._keep(error, release.id)
            return RollOut(release, "failed", changed=False, failure=error, evidence=kept)
        moved = self.move_tags(release)  # when they could not be moved the last time
        return RollOut(release, "healthy", changed=False, checks=checks, moved=moved)

    def restore(self, admitted: Record, fallback: Release | None, failure: DeploymentFailed) -> RollOut:
        """Bring `fallback` back and say how that went."""
        release = admitted.release
        kept = self._keep(failure, f"{release.id}-{admitted.sequence}")
        back = Back()
        if fallback is not None:
            self.emit(Notice(f"{release.id} did not become healthy; restoring {fallback.id}", "warning"))
            way = Restoring(self.environment, self.tools, self.target, self.emit)
            with self.watch.stage("restore") as verdict:
                with suppress(EnvironmentUnusable):  # who can see the target and not the remote goes back all the same
                    self.tools.state.assure(admitted)
                back = way.bring_back(fallback, release, admitted.sequence)
                verdict.outcome = "failed" if back.failure else "ok"
                if not back.failure:
                    verdict.detail = f"{fallback.id} serves again, {back.seconds:.1f} s after the verdict"
        restored = fallback if back.failure is None else None
        now = back.now
        if fallback is None:
            now = running_now(self.target, (release,), self.tools.clock)
        runs = restored or (now.release if now is not None else None)
        reason = failure.message
        if back.failure is not None:
            reason += f"; restore: {back.failure.message}"
        if now is not None:
            reason += f"; {now.text}"
        with self.watch.stage("record"):
            outcome: Outcome = "restored" if restored else "failed"
            self.settle(admitted, outcome, serving=runs, reason=reason, kept=kept, blamed=failure.blames)
        if restored is not None:
            try:
                self.move_tags(restored)
            except EnvironmentUnusable as error:  # said beside the report of the failure, not instead of it
                self.emit(Notice(error.message, "warning", error.remedy))
        return RollOut(
            release,
            "restored" if restored else "failed",
            checks=back.checks,
            failure=failure,
            restored=restored,
            restore_failure=back.failure,
            evidence=kept,
            running=runs,
            now=now.text if now is not None else "",
        )

    def what_runs(self, *candidates: Release | None) -> str:
        """What runs now, for people; whoever is in a hurry, and interrupts again, does not wait for it."""
        known = tuple(release for release in candidates if release is not None)
        try:
            return running_now(self.target, known, self.tools.clock, patience=_HURRY).text
        except KeyboardInterrupt:
            return "it may be between two releases"

    def interrupted(self, admitted: Record, current: Release | None) -> None:
        """Record, and say, what runs when somebody stops a deployment by hand."""
        interruption.heard()
        now = self.what_runs(current, admitted.release)
        self.settle(admitted, "interrupted", serving=current, reason=f"stopped by hand; {now}")
        name = self.environment.name
        back = f"; windlass deploy {name} --release {current.id} goes back" if current else ""
        self.emit(Notice(f"{name}: {now}", "warning", f"the same command goes on{back}"))

    def give_up(self, admitted: Record, current: Release | None, error: Exception) -> None:
        """Record a deployment that ended in an error, with what was seen to run then."""
        known = tuple(release for release in (current, admitted.release) if release is not None)
        now = running_now(self.target, known, self.tools.clock)
        serving = now.release if now.known else current
        try:
            self.settle(admitted, "failed", serving=serving, reason=f"{error}; {now.text}")
        except (WindlassError, OSError) as another:  # the first error is the one to tell
            self.emit(
                Notice(
                    f"{now.text}; this is not recorded: {another}", "warning", "the next run finds what it left behind"
                )
            )

    def settle(
        self,
        admitted: Record,
        outcome: Outcome,
        *,
        serving: Release | None,
        reason: str = "",
        kept: str | None = None,
        blamed: bool = False,
    ) -> None:
        running = serving.id if serving else None
        self.tools.state.settle(admitted, outcome, running=running, reason=reason, evidence=kept, blamed=blamed)

    def move_tags(self, release: Release) -> tuple[str, ...]:
        """The moving tags that name the release now. Raises EnvironmentUnusable: the registry does not let them; the same release deployed again moves them."""
        try:
            return move_tags(release, self.environment, self.tools, self.emit)
        except WindlassError as error:
            raise EnvironmentUnusable(
                f"{release.id} serves {self.environment.name} and is recorded, but its moving tags stayed behind: {error}",
                remedy=f"windlass deploy {self.environment.name} --release {release.id} moves them",
            ) from error

    def _keep(self, failure: DeploymentFailed, name: str) -> str | None:
        """Keep what failed containers said. That this does not work must not be in the way of the restore."""
        try:
            return evidence.keep(failure.evidence, self.tools.evidence / self.environment.name / name)
        except OSError as error:
            self.emit(Notice(f"what the containers said could not be kept: {error}", "warning"))
            return None
