"""What failed containers said, collected before they are gone and kept on this machine.

It stays here and never goes into git: a log may hold what must not be pushed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from windlass.deploy.interface import LogLine, Target
from windlass.errors import WindlassError
from windlass.model.observation import CheckResult

_LINES = 30


def of_failed_checks(target: Target, failed: Iterable[CheckResult]) -> dict[str, tuple[str, ...]]:
    """For each service with a failed check: what the checks saw, then its last log lines."""
    said: dict[str, list[str]] = {}
    for check in failed:
        said.setdefault(check.service, []).append(f"check {check.name}: {check.url}: {check.last}")
    for service, lines in said.items():
        try:
            target.logs(service, tail=_LINES, follow=False, on_line=_into(lines))
        except WindlassError as error:
            lines.append(f"its log could not be read: {error}")
    return {service: tuple(lines) for service, lines in said.items()}


def _into(lines: list[str]) -> Callable[[LogLine], None]:
    return lambda line: lines.append(line.text)


def keep(evidence: dict[str, tuple[str, ...]], folder: Path) -> str | None:
    """Write one file a service, readable by this user only; returns the folder, or None when there is nothing."""
    if not evidence:
        return None
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for service, lines in evidence.items():
        path = folder / f"{service}.log"
        path.touch(mode=0o600)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="replace")
    return str(folder)
