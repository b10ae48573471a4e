from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.errors import ConfigError
from windlass.model.artifacts import Finding
from windlass.model.project import ScanPolicy
from windlass.scan.policy import Accepted, judge, read_ignore_file

DEFAULT = ScanPolicy()
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def finding(
    id: str = "CVE-2026-1", severity: Any = "critical", fixed: str = "2.0", package: str = "openssl"
) -> Finding:
    return Finding(id, severity, package, "1.0", fixed)


def refused(*findings: Finding, policy: ScanPolicy = DEFAULT, ignore: str = "", now: datetime = NOW) -> list[str]:
    return [f.id for f in judge("fake", findings, policy, read_ignore_file(ignore), now).refused]


@pytest.mark.parametrize(
    ("fail_on", "expected"),
    [
        ("critical", ["critical"]),
        ("high", ["critical", "high"]),
        ("medium", ["critical", "high", "medium"]),
        ("low", ["critical", "high", "medium", "low"]),
        ("never", []),
    ],
)
def test_findings_at_or_above_the_threshold_are_refused(fail_on: Any, expected: list[str]) -> None:
    findings = [finding(f"CVE-1-{severity}", severity) for severity in ("low", "medium", "high", "critical")]
    got = refused(*findings, policy=ScanPolicy(fail_on=fail_on))
    assert got == [f"CVE-1-{severity}" for severity in expected]


@pytest.mark.parametrize("fail_on", ["low", "medium", "high", "critical"])
def test_an_unknown_severity_never_passes_in_silence(fail_on: Any) -> None:
    assert refused(finding(severity="unknown"), policy=ScanPolicy(fail_on=fail_on)) == ["CVE-2026-1"]


def test_an_unknown_severity_can_be_accepted_by_name() -> None:
    assert refused(finding(severity="unknown"), ignore="CVE-2026-1") == []


def test_unfixed_findings_are_set_aside_and_still_reported() -> None:
    report = judge("fake", [finding(fixed="")], ScanPolicy(ignore_unfixed=True), (), NOW)
    assert not report.refused
    assert report.ignored == report.findings == (finding(fixed=""),)


def test_unfixed_findings_count_when_the_policy_says_so() -> None:
    assert refused(finding(fixed=""), policy=ScanPolicy(ignore_unfixed=False)) == ["CVE-2026-1"]


def test_an_accepted_finding_is_ignored_whatever_its_case() -> None:
    assert refused(finding(), ignore="cve-2026-1\n") == []


def test_accepting_one_does_not_accept_another() -> None:
    assert refused(finding("CVE-2026-11"), ignore="CVE-2026-1\n") == ["CVE-2026-11"]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 5, 31, 23, 59, 59, tzinfo=UTC), []),
        (datetime(2026, 6, 1, 0, 0, tzinfo=UTC), ["CVE-2026-1"]),
        (datetime(2026, 6, 1, 5, 0, tzinfo=timezone(timedelta(hours=10))), []),
    ],
    ids=["the day before", "from midnight UTC", "already that day, but not in UTC"],
)
def test_an_acceptance_expires_at_the_start_of_its_day_in_utc(now: datetime, expected: list[str]) -> None:
    assert refused(finding(), ignore="CVE-2026-1 exp:2026-06-01", now=now) == expected


def test_the_worst_come_first() -> None:
    findings = [finding("CVE-1-a", "low"), finding("CVE-1-c", "critical"), finding("CVE-1-b", "high")]
    assert [f.severity for f in judge("fake", findings, ScanPolicy(), (), NOW).findings] == ["critical", "high", "low"]


def test_comments_blank_lines_and_a_byte_order_mark_are_skipped() -> None:
    text = "\ufeff# accepted\n\n  CVE-2026-1   # not reachable\nGHSA-jf85-cpcp-j695 exp:2030-01-31\n"
    assert [entry.id for entry in read_ignore_file(text)] == ["CVE-2026-1", "GHSA-jf85-cpcp-j695"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("openssl", "no vulnerability id"),
        ("CVE-2026-1 2026-01-01", "only an expiry"),
        ("CVE-2026-1 exp:soon", "no date"),
        ("CVE-2026-1 exp:2026-13-01", "no date"),
        ("CVE-2026-1 exp:20260101", "no date"),
        ("CVE-2026-1 exp:2026-01-01 because", "only an expiry"),
        ("*", "no vulnerability id"),
    ],
)
def test_a_line_that_cannot_be_read_is_an_error_with_its_place(line: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        read_ignore_file(f"# first\n{line}\n", ".trivyignore")
    assert caught.value.where == ".trivyignore:2"
    assert caught.value.remedy


@settings(derandomize=True, max_examples=200)
@given(st.text())
def test_any_text_is_read_or_refused_in_plain_words(text: str) -> None:
    try:
        read_ignore_file(text)
    except ConfigError as error:
        assert error.where and error.remedy


_FINDINGS = st.lists(
    st.builds(
        Finding,
        st.sampled_from(["CVE-1-1", "CVE-1-2", "GHSA-x"]),
        st.sampled_from(["unknown", "low", "medium", "high", "critical"]),
        st.sampled_from(["a", "b"]),
        st.just("1"),
        st.sampled_from(["", "2"]),
    )
)


@settings(derandomize=True, max_examples=200)
@given(_FINDINGS, st.sampled_from(["low", "medium", "high", "critical"]), st.booleans(), st.booleans())
def test_a_stricter_policy_refuses_no_less(findings: list[Finding], fail_on: Any, unfixed: bool, accept: bool) -> None:
    accepted = (Accepted("CVE-1-1"),) if accept else ()
    policy = ScanPolicy(fail_on=fail_on, ignore_unfixed=unfixed)
    strictest = ScanPolicy(fail_on="low", ignore_unfixed=False)
    got = judge("fake", findings, policy, accepted, NOW)
    assert set(got.refused) <= set(judge("fake", findings, strictest, (), NOW).refused)
    assert not set(got.refused) & set(got.ignored)
    assert set(got.refused) | set(got.ignored) <= set(got.findings) == set(findings)
