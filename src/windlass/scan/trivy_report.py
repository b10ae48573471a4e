"""Trivy's JSON report, schema version 2, as findings. Pure.

Source: Trivy documentation, "Reporting", and its recorded output.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from windlass.errors import EnvironmentUnusable
from windlass.model.artifacts import Finding, NotScanned, Severity

END_OF_LIFE = "END-OF-LIFE"
"""The id of the finding that stands for a distribution without security updates: its silence proves nothing."""

_SEVERITIES: Mapping[str, Severity] = {
    "UNKNOWN": "unknown",
    "LOW": "low",
    "MEDIUM": "medium",
    "HIGH": "high",
    "CRITICAL": "critical",
}


def parse_trivy(document: object, platform: str = "") -> tuple[Finding, ...] | NotScanned:
    """All findings of a report, nothing filtered.

    A report in which Trivy recognised no package, or has no advisories for the distribution, is `NotScanned`.
    A severity that is missing or new counts as unknown.

    Raises:
        EnvironmentUnusable: it is no report, or of another schema version.
    """
    if not isinstance(document, dict) or document.get("SchemaVersion") != 2:
        version = document.get("SchemaVersion") if isinstance(document, dict) else None
        raise EnvironmentUnusable(
            f"Trivy's report has schema version {version}, and 2 is understood",
            remedy="install a Trivy release from 2021 or later that writes schema version 2",
        )
    results = [result for result in document.get("Results") or () if isinstance(result, dict)]
    system = (document.get("Metadata") or {}).get("OS") or {}
    family, release = str(system.get("Family") or ""), str(system.get("Name") or "")
    if not any(result.get("Packages") or result.get("Vulnerabilities") for result in results):
        return NotScanned("Trivy recognised no packages in it")
    if family and not any(result.get("Class") == "os-pkgs" for result in results):
        return NotScanned(f"Trivy knows no packages of this distribution: {family} {release}".rstrip())
    target = f"{family} {release}".strip()
    findings = [finding for result in results for finding in _findings(result, target, platform)]
    if system.get("EOSL"):
        title = f"{target} gets no security updates any more: what is missing below is not known"
        findings.insert(0, Finding(END_OF_LIFE, "unknown", family, release, "", title, target, "", platform))
    return tuple(findings)


def _findings(result: Mapping[str, Any], system: str, platform: str) -> Iterator[Finding]:
    # The distribution's own target begins with the path of the scanned file, which means nothing to a reader.
    target = system if result.get("Class") == "os-pkgs" and system else str(result.get("Target") or "")
    for entry in result.get("Vulnerabilities") or ():
        yield Finding(
            id=str(entry.get("VulnerabilityID") or "unnamed"),
            severity=_SEVERITIES.get(str(entry.get("Severity") or "").upper(), "unknown"),
            package=str(entry.get("PkgName") or ""),
            installed=str(entry.get("InstalledVersion") or ""),
            fixed=str(entry.get("FixedVersion") or ""),
            title=str(entry.get("Title") or ""),
            target=str(entry.get("PkgPath") or "") or target,
            url=str(entry.get("PrimaryURL") or ""),
            platform=platform,
        )
