"""The gate: which findings stop a release. Pure; the same for every scanner.

The rules, in order:

1. A finding named in the ignore file, its entry not expired, is ignored.
2. A finding without a fixed version is ignored when `ignore_unfixed` is set: nobody can act on it.
3. A finding at or above `fail_on` is refused.
4. A finding of *unknown* severity is refused too, whatever the threshold: nobody has weighed it, and a fix exists (or
   unfixed ones count). Accept it by name in the ignore file.
5. `fail_on: never` refuses nothing; findings are still reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from windlass.errors import ConfigError
from windlass.model.artifacts import Finding, ScanReport, Severity
from windlass.model.project import ScanPolicy

_RANK: dict[Severity, int] = {"unknown": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
_ID = re.compile(r"[A-Za-z][\w.-]*-[\w.:-]+")


@dataclass(frozen=True, slots=True)
class Accepted:
    """A line of the ignore file: a vulnerability that is accepted, up to 00:00 UTC of the day `until`."""

    id: str
    until: date | None = None
    line: int = 0

    def holds(self, now: datetime) -> bool:
        return self.until is None or now.astimezone(UTC).date() < self.until


def read_ignore_file(text: str, name: str = ".trivyignore") -> tuple[Accepted, ...]:
    """Trivy's format: one id a line, optionally `exp:YYYY-MM-DD`; `#` starts a comment.

    Raises:
        ConfigError: a line that is neither; a misread line would let something pass or stop something for no reason.
    """
    return tuple(
        _accepted(words, f"{name}:{number}", number)
        for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1)
        if (words := line.partition("#")[0].split())
    )


def judge(
    scanner: str, findings: Iterable[Finding], policy: ScanPolicy, accepted: Iterable[Accepted], now: datetime
) -> ScanReport:
    """Sort findings by the rules above; each list is ordered worst first."""
    valid = {entry.id.upper() for entry in accepted if entry.holds(now)}
    ordered = sorted(findings, key=_worst_first)
    ignored = tuple(f for f in ordered if f.id.upper() in valid or (policy.ignore_unfixed and not f.fixed))
    aside = frozenset(ignored)
    refused = tuple(f for f in ordered if f not in aside and _refuses(policy, f))
    return ScanReport(scanner, tuple(ordered), refused, ignored)


def _refuses(policy: ScanPolicy, finding: Finding) -> bool:
    if policy.fail_on == "never":
        return False
    return finding.severity == "unknown" or _RANK[finding.severity] >= _RANK[policy.fail_on]


def _worst_first(finding: Finding) -> tuple[object, ...]:
    return (-_RANK[finding.severity], finding.id, finding.package, finding.installed, finding.target, finding.platform)


def _accepted(words: list[str], where: str, number: int) -> Accepted:
    id, *rest = words
    if not _ID.fullmatch(id):
        raise ConfigError(
            f"'{id}' is no vulnerability id", where=where, remedy="write one a line, such as CVE-2024-1234"
        )
    if not rest:
        return Accepted(id, line=number)
    expiry = rest[0].removeprefix("exp:")
    if len(rest) > 1 or expiry == rest[0]:
        raise ConfigError(
            f"after the id only an expiry is expected, found '{' '.join(rest)}'",
            where=where,
            remedy=f"write: {id} exp:2030-12-31, and reasons after a #",
        )
    try:
        if len(expiry) != len("2030-12-31"):
            raise ValueError(expiry)
        return Accepted(id, date.fromisoformat(expiry), number)
    except ValueError as error:
        raise ConfigError(
            f"'{expiry}' is no date", where=where, remedy=f"write year, month and day: {id} exp:2030-12-31"
        ) from error
