from __future__ import annotations

import json
from typing import Any

from windlass.model.artifacts import Finding, NotScanned, ScanReport
from windlass.scan.sarif import to_sarif

BAD = Finding(
    "CVE-1-2",
    "critical",
    "openssl",
    "1.0",
    "2.0",
    "title",
    "debian 12",
    "https://example.org/2",
    "linux/amd64, linux/arm64",
)
MILD = Finding("CVE-1-1", "low", "zlib", "1.0", "")
SAME = Finding("CVE-1-1", "medium", "zlib", "1.0", "")
REPORTS = {"web": ScanReport("trivy", (BAD, MILD), (BAD,), (MILD,)), "api": ScanReport("trivy", (SAME,))}


def run_of(reports: Any = REPORTS, locations: Any = None) -> Any:
    log = to_sarif(reports, locations or {"web": "services/web/Dockerfile"}, version="1.2.3")
    assert log["version"] == "2.1.0"
    json.dumps(log)
    return log["runs"][0]


def test_every_result_has_a_location_in_the_repository() -> None:
    uris = [result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in run_of()["results"]]
    assert uris == ["services/web/Dockerfile", "services/web/Dockerfile", "Dockerfile"]


def test_results_point_at_their_rules() -> None:
    run = run_of()
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["CVE-1-1", "CVE-1-2"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])


def test_a_rule_is_as_severe_as_its_worst_finding() -> None:
    rules = run_of()["tool"]["driver"]["rules"]
    assert [rule["defaultConfiguration"]["level"] for rule in rules] == ["warning", "error"]
    assert [rule["properties"]["security-severity"] for rule in rules] == ["5.5", "9.5"]


def test_an_ignored_finding_is_suppressed_and_no_other() -> None:
    assert [bool(result.get("suppressions")) for result in run_of()["results"]] == [False, True, False]


def test_the_message_says_package_version_and_fix() -> None:
    text = run_of()["results"][0]["message"]["text"]
    assert text == "web: openssl 1.0 (debian 12) has CVE-1-2, critical; fixed in 2.0."


def test_an_alert_keeps_its_identity_while_the_package_ages() -> None:
    older = {"web": ScanReport("trivy", (BAD,))}
    newer = {"web": ScanReport("trivy", (Finding("CVE-1-2", "critical", "openssl", "1.1", "2.0", target="debian 12"),))}
    prints = {run_of(r)["results"][0]["partialFingerprints"]["windlassFinding/v1"] for r in (older, newer)}
    assert len(prints) == 1


def test_a_service_nobody_looked_at_makes_the_run_unsuccessful() -> None:
    run = run_of({**REPORTS, "worker": NotScanned("no scanner")})
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "worker was not scanned: no scanner" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_without_findings_the_run_is_successful_and_empty() -> None:
    run = run_of({"web": ScanReport("trivy", ())})
    assert run["results"] == [] and run["invocations"] == [{"executionSuccessful": True}]
