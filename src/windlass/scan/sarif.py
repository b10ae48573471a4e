"""Scan reports as SARIF 2.1.0 (OASIS), as code-scanning pages read it. Pure.

Every result has a location, the service's Dockerfile, because GitHub refuses results without one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from windlass.model.artifacts import Finding, NotScanned, ScanReport, Severity

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

_LEVEL: dict[Severity, str] = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
    "unknown": "warning",
}
# What GitHub sorts by: critical is over 9.0, high over 7.0, medium over 4.0.
_SCORE: dict[Severity, str] = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}
_RANK: dict[Severity, int] = {"low": 0, "medium": 1, "unknown": 2, "high": 3, "critical": 4}


def to_sarif(
    reports: Mapping[str, ScanReport | NotScanned], locations: Mapping[str, str], *, version: str
) -> dict[str, Any]:
    """One SARIF log with one run over all services.

    Args:
        reports: by service. One that was not scanned makes the run's invocation unsuccessful, with the reason.
        locations: by service, the file a reader should open, relative to the repository root; default `Dockerfile`.
        version: Windlass's own.
    """
    scanned = {name: report for name, report in reports.items() if isinstance(report, ScanReport)}
    rules = _rules(scanned)
    index = {rule["id"]: position for position, rule in enumerate(rules)}
    results = [
        _result(name, finding, finding in set(report.ignored), locations.get(name, "Dockerfile"), index)
        for name, report in scanned.items()
        for finding in report.findings
    ]
    driver = {"name": "Windlass", "version": version, "rules": rules}
    run = {"tool": {"driver": driver}, "invocations": [_invocation(reports)], "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rules(reports: Mapping[str, ScanReport]) -> list[dict[str, Any]]:
    """One rule a vulnerability, by id, as severe as its worst finding."""
    worst: dict[str, Finding] = {}
    for report in reports.values():
        for finding in report.findings:
            known = worst.get(finding.id)
            if known is None or _RANK[finding.severity] > _RANK[known.severity]:
                worst[finding.id] = finding
    return [_rule(worst[id]) for id in sorted(worst)]


def _rule(finding: Finding) -> dict[str, Any]:
    title = finding.title or f"{finding.id} in {finding.package}"
    rule: dict[str, Any] = {
        "id": finding.id,
        "name": "VulnerablePackage",
        "shortDescription": {"text": title},
        "fullDescription": {"text": title},
        "defaultConfiguration": {"level": _LEVEL[finding.severity]},
        "help": {"text": f"{title}\n{finding.url}".strip()},
        "properties": {"tags": ["security", "vulnerability", finding.severity]},
    }
    if finding.url:
        rule["helpUri"] = finding.url
    if score := _SCORE.get(finding.severity):
        rule["properties"]["security-severity"] = score
    return rule


def _result(service: str, finding: Finding, ignored: bool, location: str, index: Mapping[str, int]) -> dict[str, Any]:
    fix = f"fixed in {finding.fixed}" if finding.fixed else "no fixed version yet"
    where = f" ({finding.target})" if finding.target else ""
    result: dict[str, Any] = {
        "ruleId": finding.id,
        "ruleIndex": index[finding.id],
        "level": _LEVEL[finding.severity],
        "message": {
            "text": f"{service}: {finding.package} {finding.installed}{where} has {finding.id}, {finding.severity}; {fix}."
        },
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": location, "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [{"name": service, "kind": "module"}],
            }
        ],
        # Neither version nor platform: an alert stays the same one while its package ages.
        "partialFingerprints": {"windlassFinding/v1": _print(service, finding)},
    }
    if finding.platform:
        result["properties"] = {"platforms": finding.platform.split(", ")}
    if ignored:
        result["suppressions"] = [{"kind": "external", "justification": "accepted by the project's scan policy"}]
    return result


def _print(service: str, finding: Finding) -> str:
    text = "\0".join((service, finding.id, finding.package, finding.target))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _invocation(reports: Mapping[str, ScanReport | NotScanned]) -> dict[str, Any]:
    notes = list(_notifications(reports))
    return {"executionSuccessful": not notes} | ({"toolExecutionNotifications": notes} if notes else {})


def _notifications(reports: Mapping[str, ScanReport | NotScanned]) -> Iterator[dict[str, Any]]:
    for name, report in reports.items():
        if isinstance(report, NotScanned):
            yield {"level": "error", "message": {"text": f"{name} was not scanned: {report.reason}"}}
