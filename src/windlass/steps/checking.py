"""Checking a release, and watching it meanwhile: whichever verdict falls first counts, and ends the other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from windlass.deploy.interface import Deployed, Meanwhile, Target
from windlass.errors import DeploymentFailed, Locked, VerificationFailed, WindlassError
from windlass.model.events import Emit, Notice
from windlass.model.observation import CheckResult, Endpoint
from windlass.model.project import Environment
from windlass.model.release import Release
from windlass.steps import evidence
from windlass.steps.stopwatch import Stopwatch
from windlass.steps.tools import Tools
from windlass.verify.asking import Asking
from windlass.waiting import Stop


class _Stopped(Exception):
    """The watch has said enough."""


@dataclass(frozen=True, slots=True)
class Checking:
    environment: Environment
    tools: Tools
    target: Target
    emit: Emit

    def verify(self, release: Release, watch: Stopwatch, *, watched: Deployed | None = None) -> tuple[CheckResult, ...]:
        """The checks that a release passed.

        Args:
            watched: what users were led to: it is watched while the checks run, and for as long as the environment says.

        Raises:
            VerificationFailed: checks failed; with what the services said.
            DeploymentFailed: users fare badly with it.
        """
        if watched is None:
            with watch.stage("verify") as verdict:
                checks = self.ask(release, self.target.endpoint, self.emit)
                verdict.detail = _passed(checks)
            return checks
        asking, ended, over = Asking(), Stop(), Stop()
        meanwhile = Meanwhile(asked=asking.counts, going=lambda: not ended.is_set(), stop=over)
        with ThreadPoolExecutor(1, thread_name_prefix="watch") as pool:
            watching = pool.submit(self._watch, release, watched, meanwhile, asking)
            try:
                with watch.stage("verify") as verdict:
                    try:
                        checks = self.ask(release, self.target.endpoint, self.emit, asking=asking)
                    except _Stopped:
                        ended.set()
                        watching.result()
                        raise
                    finally:
                        ended.set()
                    verdict.detail = _passed(checks)
                if not watching.done():
                    with watch.stage("watch"):
                        watching.result()
                watching.result()
            except BaseException:
                over.set()
                raise
        return checks

    def _watch(self, release: Release, deployed: Deployed, meanwhile: Meanwhile, asking: Asking) -> None:
        """Watch, and end the asking when users fare badly."""
        try:
            self.target.watch(deployed, self.emit, meanwhile)
        except (DeploymentFailed, Locked):
            asking.dismiss()
            raise
        except WindlassError as error:  # that nothing can be seen is no verdict
            self.emit(Notice(f"{release.id} could not be watched: {error}", "warning", error.remedy))
        except BaseException:
            asking.dismiss()
            raise

    def ask(
        self,
        release: Release,
        endpoint: Callable[[str, int], Endpoint | None],
        emit: Emit,
        *,
        when: str = "",
        asking: Asking | None = None,
    ) -> tuple[CheckResult, ...]:
        """The results of a release's checks, all passed. Raises VerificationFailed, with what the services said."""
        try:
            checks = self.tools.verify(self.environment, release, endpoint, emit, asking=asking)
        except (Locked, DeploymentFailed):
            raise
        except (WindlassError, OSError) as error:  # users may reach the release already: unverified, it must not stay
            if asking is not None and asking.dismissed:
                raise _Stopped from error
            raise VerificationFailed(
                f"it could not be verified: {error}",
                where=self.environment.name,
                remedy=error.remedy if isinstance(error, WindlassError) else None,
                blames=False,
            ) from error
        wrong = [check for check in checks if not check.passed]
        if wrong and asking is not None and asking.dismissed:
            raise _Stopped
        if wrong:
            raise VerificationFailed(
                f"{when}{len(wrong)} of {len(checks)} checks failed: "
                + "; ".join(f"{c.name}: {c.last}" for c in wrong[:3]),
                where=self.environment.name,
                remedy="mend the service, or the case; one that needs other services to reach the new release says after_switch: true"
                if when
                else f"windlass logs {self.environment.name} shows what the services say",
                evidence=evidence.of_failed_checks(self.target, wrong),
                blames=any(check.sent for check in wrong),
            )
        return checks


def _passed(checks: tuple[CheckResult, ...]) -> str:
    count = len(checks)
    return f"{count} check{'' if count == 1 else 's'} passed" if count else "no checks are configured"
