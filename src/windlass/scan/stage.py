"""One image, all its platforms, one verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from windlass.model.artifacts import Finding, LayoutImage, NotScanned, ScanReport
from windlass.model.project import ScanPolicy
from windlass.scan.interface import Scanner
from windlass.scan.policy import Accepted, judge


def scan_image(
    scanner: Scanner,
    image: LayoutImage | str,
    platforms: Sequence[str],
    policy: ScanPolicy,
    ignore: Iterable[Accepted] = (),
    *,
    now: datetime | None = None,
) -> ScanReport | NotScanned:
    """Scan an image for each platform and apply the policy. One platform that nobody could look at makes it `NotScanned`.

    Args:
        now: aware; decides which entries of the ignore file have expired.

    Raises:
        EnvironmentUnusable: the scanner is there but broken.
    """
    if not platforms:
        return NotScanned("it has no platforms")
    found: list[Finding] = []
    for platform in platforms:
        result = scanner.scan(image, platform)
        if isinstance(result, NotScanned):
            return NotScanned(f"{platform}: {result.reason}") if len(platforms) > 1 and found else result
        found += [finding if finding.platform else replace(finding, platform=platform) for finding in result]
    return judge(scanner.name, merge_platforms(found), policy, ignore, now or datetime.now(UTC))


def merge_platforms(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The same finding on several platforms once, its platforms joined with a comma."""
    platforms: dict[Finding, list[str]] = {}
    for finding in findings:
        seen = platforms.setdefault(replace(finding, platform=""), [])
        if finding.platform not in seen:
            seen.append(finding.platform)
    return tuple(replace(finding, platform=", ".join(seen)) for finding, seen in platforms.items())
