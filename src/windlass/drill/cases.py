"""What is rehearsed, and how each must end. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from windlass.errors import ExitCode

RESTORED, DONE, REFUSED = "the release before serves", "the new release serves", "nothing was touched"
NOTHING = "nothing serves"

AFTER_SWITCH = 10.0
"""Seconds that the way back may take which users notice: from the verdict to the old release's serving again. One to five are usual;
a busy machine takes longer. Until the verdict there are at most as many seconds as the environment gives checks
(`verify_timeout`), fewer where the watch sees errors first; the report says what came of it."""


@dataclass(frozen=True, slots=True)
class Case:
    """`codes` are the exit codes it may end with, `ends` says which release serves then; `notice` is how many seconds users
    may notice anything, beside `verify_timeout` where that is not 0."""

    name: str
    title: str
    codes: tuple[int, ...]
    ends: str
    notice: float = 0.0


CASES = (
    Case("never-ready", "a release that never gets ready", (ExitCode.RESTORED,), RESTORED),
    Case("crash-loop", "a release that crashes in a loop", (ExitCode.RESTORED,), RESTORED),
    Case("failing-check", "a release that fails an API check", (ExitCode.RESTORED,), RESTORED),
    Case("after-switch", "a release dying after the switch", (ExitCode.RESTORED,), RESTORED, AFTER_SWITCH),
    Case("no-image", "an image that cannot be pulled", (ExitCode.RESTORED,), RESTORED),
    Case("killed", "kill -9 in mid-deploy, a new run", (ExitCode.DONE,), DONE),
    Case("held", "somebody else is deploying", (ExitCode.LOCKED,), REFUSED),
    Case("pruned", "a rollback to a pruned image", (ExitCode.DONE,), DONE),
    Case("full-disk", "a full disk, then a new run", (ExitCode.DONE,), DONE),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a case.

    Args:
        code: the exit code of the deployment.
        said: one line of what it said.
        serves: `RESTORED`, `DONE`, `REFUSED`, or what else was found to serve.
        noticed: seconds in which requests failed.
        requests, failed: what users sent, and how many of these failed.
        seconds: how long the case took.
        back: seconds from the verdict to the old release's being verified again.
        verdict: seconds from the first request that failed to the verdict.
        stray: containers and networks that should not be there.
    """

    code: int
    said: str
    serves: str
    noticed: float
    requests: int
    failed: int
    seconds: float
    back: float | None = None
    verdict: float | None = None
    stray: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A case with its verdict. `seen` is None when it was not tried; `wrong` are sentences, `skipped` says why."""

    case: Case
    seen: Seen | None = None
    skipped: str = ""
    wrong: tuple[str, ...] = field(default=())

    @property
    def verdict(self) -> str:
        if self.seen is None:
            return "not tried"
        return "wrong" if self.wrong else "as it should be"


def judge(case: Case, seen: Seen, *, patience: float = 0.0) -> Report:
    """Hold what was seen against what should be.

    Args:
        patience: the environment's `verify_timeout`: a release that fails after the switch has so long to pass its checks.
    """
    wrong = []
    allowed = case.notice + patience if case.notice else 0.0
    if seen.code not in case.codes:
        wrong.append(f"it ended with {seen.code} instead of {' or '.join(map(str, case.codes))}: {seen.said}")
    if seen.serves != _same(case.ends):
        wrong.append(f"{seen.serves}, and not as expected: {case.ends}")
    if seen.noticed > allowed:
        limit = f"for {allowed:g} s at most" if allowed else "not at all"
        wrong.append(f"users noticed it for {seen.noticed:.1f} s ({seen.failed} requests), allowed {limit}")
    if not seen.requests:
        wrong.append("no request was sent meanwhile: nothing is known about users")
    wrong += [f"left over: {name}" for name in seen.stray]
    return Report(case, seen, wrong=tuple(wrong))


def _same(ends: str) -> str:
    return RESTORED if ends == REFUSED else ends


def failed(reports: Sequence[Report]) -> bool:
    """Whether anything was not as it should be, or nothing was tried at all."""
    return any(report.wrong for report in reports) or all(report.seen is None for report in reports)


def chosen(names: Sequence[str]) -> tuple[Case, ...]:
    """The cases of these names, in the order of `CASES`; all when there are none. Raises KeyError for an unknown one."""
    known = {case.name for case in CASES}
    for name in names:
        if name not in known:
            raise KeyError(name)
    return tuple(case for case in CASES if not names or case.name in names)


def until(probes: Sequence[tuple[float, float, bool]], verdict: float | None) -> float | None:
    """Seconds from the first request that failed to a verdict; None where there was no such request before it, or no verdict."""
    first = next((began for began, _, answered in probes if not answered), None)
    return verdict - first if verdict is not None and first is not None and first <= verdict else None


def noticed(probes: Sequence[tuple[float, float, bool]]) -> float:
    """Seconds in which users were without an answer: from the beginning of the first request that failed to the end of the
    next that did not, summed. Probes are (began, ended, answered), in the order they began."""
    total, since, last = 0.0, None, 0.0
    for began, ended, answered in probes:
        last = ended
        if not answered and since is None:
            since = began
        if answered and since is not None:
            total, since = total + ended - since, None
    return total + (last - since if since is not None else 0.0)
