from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from windlass.errors import EnvironmentUnusable
from windlass.model.artifacts import Finding, NotScanned
from windlass.scan.trivy_report import END_OF_LIFE, parse_trivy

GOLDEN = Path(__file__).parents[4] / "shared" / "data" / "trivy-golden"


def recorded(name: str) -> dict[str, Any]:
    file = GOLDEN / f"{name}.json.golden"
    if not file.is_file():
        pytest.skip(f"the recorded Trivy output is not here: ../shared/data/trivy-golden/{file.name}")
    document = json.loads(file.read_text())
    assert isinstance(document, dict)
    return document


def findings(document: object, platform: str = "linux/amd64") -> tuple[Finding, ...]:
    found = parse_trivy(document, platform)
    assert isinstance(found, tuple), found
    return found


@pytest.mark.parametrize(
    ("name", "severities"),
    [
        ("alpine-310", ["medium"] * 4),
        ("debian-buster", ["low", "critical"]),
        ("distroless-base", ["medium", "medium", "low", "low"]),
        ("npm", ["medium"]),
        ("npm-with-suppressed", ["high"]),
        ("gomod-vex", ["unknown"]),
        ("pip", ["high", "medium"]),
    ],
)
def test_recorded_reports_are_read_whole(name: str, severities: list[str]) -> None:
    document = recorded(name)
    got = [f for f in findings(document) if f.id != END_OF_LIFE]
    expected = [entry for result in document["Results"] for entry in result.get("Vulnerabilities") or ()]
    assert [f.id for f in got] == [entry["VulnerabilityID"] for entry in expected]
    assert sorted({f.severity for f in got}) == sorted(set(severities))
    assert all(f.package and f.installed and f.platform == "linux/amd64" for f in got)


def test_a_finding_carries_what_a_reader_needs() -> None:
    found = next(f for f in findings(recorded("alpine-310")) if f.id == "CVE-2019-1549")
    assert found == Finding(
        "CVE-2019-1549",
        "medium",
        "libcrypto1.1",
        "1.1.1c-r0",
        "1.1.1d-r0",
        "openssl: information disclosure in fork()",
        "alpine 3.10.2",
        "https://avd.aquasec.com/nvd/cve-2019-1549",
        "linux/amd64",
    )


def test_a_finding_without_a_fix_says_so_by_an_empty_version() -> None:
    assert next(f for f in findings(recorded("debian-buster")) if f.id == "CVE-2019-18276").fixed == ""


def report(**changes: Any) -> dict[str, Any]:
    result = {"Target": "x (debian 12.1)", "Class": "os-pkgs", "Type": "debian", "Packages": [{"Name": "bash"}]}
    system = {"Family": "debian", "Name": "12.1"}
    return {"SchemaVersion": 2, "Metadata": {"OS": system}, "Results": [result]} | changes


def test_packages_without_findings_are_clean() -> None:
    assert parse_trivy(report()) == ()


@pytest.mark.parametrize(
    "results",
    [None, [], [{"Target": "x", "Class": "os-pkgs", "Vulnerabilities": None}]],
    ids=["none", "empty", "no packages"],
)
def test_a_report_without_packages_is_not_a_clean_one(results: Any) -> None:
    assert parse_trivy(report(Results=results)) == NotScanned("Trivy recognised no packages in it")


def test_a_distribution_without_advisories_is_not_clean() -> None:
    found = parse_trivy(report(Results=[{"Class": "lang-pkgs", "Target": "Python", "Packages": [{"Name": "flask"}]}]))
    assert isinstance(found, NotScanned)
    assert "debian 12.1" in found.reason


def test_a_distribution_past_its_end_of_life_is_a_finding() -> None:
    document = report(Metadata={"OS": {"Family": "debian", "Name": "8", "EOSL": True}})
    (found,) = findings(document)
    assert (found.id, found.severity, found.package) == (END_OF_LIFE, "unknown", "debian")


def test_a_severity_that_is_new_or_missing_is_unknown() -> None:
    vulnerable = [
        {"VulnerabilityID": "CVE-1-1", "PkgName": "a", "Severity": "SPICY"},
        {"VulnerabilityID": "CVE-1-2", "PkgName": "a"},
    ]
    document = report(Results=[{"Class": "os-pkgs", "Vulnerabilities": vulnerable}])
    assert [f.severity for f in findings(document)] == ["unknown", "unknown"]


@pytest.mark.parametrize("document", [None, [], {}, {"SchemaVersion": 3}, {"SchemaVersion": "2"}, "report"])
def test_anything_else_is_refused(document: object) -> None:
    with pytest.raises(EnvironmentUnusable, match="schema version"):
        parse_trivy(document)
