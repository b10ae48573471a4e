from __future__ import annotations

from datetime import UTC, datetime

import pytest

from windlass.model.artifacts import Finding, NotScanned, ScanReport
from windlass.model.project import ScanPolicy
from windlass.scan.interface import Scanner
from windlass.scan.none import NoScanner
from windlass.scan.policy import read_ignore_file
from windlass.scan.stage import scan_image
from windlass.testing.contracts.scanner import ScannerContract
from windlass.testing.scanner import FakeScanner

IMAGE = "localhost:1/web@sha256:" + "0" * 64
PLATFORMS = ("linux/amd64", "linux/arm64")
FINDING = Finding("CVE-1-1", "critical", "openssl", "1", "2")


class TestFakeScanner(ScannerContract):
    @pytest.fixture
    def scanner(self) -> Scanner:
        return FakeScanner(otherwise=(FINDING,))


class TestNoScanner(ScannerContract):
    @pytest.fixture
    def scanner(self) -> Scanner:
        return NoScanner()


def test_every_platform_is_scanned_and_a_shared_finding_counted_once() -> None:
    scanner = FakeScanner(otherwise=(FINDING,))
    report = scan_image(scanner, IMAGE, PLATFORMS, ScanPolicy())
    assert isinstance(report, ScanReport)
    assert [platform for _, platform in scanner.scanned] == list(PLATFORMS)
    assert [finding.platform for finding in report.refused] == ["linux/amd64, linux/arm64"]


def test_the_scanner_is_named_in_the_report() -> None:
    report = scan_image(FakeScanner(), IMAGE, PLATFORMS, ScanPolicy())
    assert report == ScanReport("fake", ())


def test_without_a_scanner_nothing_counts_as_clean() -> None:
    report = scan_image(NoScanner(), IMAGE, PLATFORMS, ScanPolicy())
    assert isinstance(report, NotScanned)
    assert "no vulnerability scanner" in report.reason


def test_one_platform_that_nobody_could_look_at_spoils_the_whole() -> None:
    class Half(FakeScanner):
        def scan(self, image: object, platform: str) -> tuple[Finding, ...] | NotScanned:
            return (FINDING,) if platform == "linux/amd64" else NotScanned("no packages")

    report = scan_image(Half(), IMAGE, PLATFORMS, ScanPolicy())
    assert report == NotScanned("linux/arm64: no packages")


def test_the_ignore_file_and_the_clock_decide() -> None:
    accepted = read_ignore_file("CVE-1-1 exp:2026-06-01")
    scanner = FakeScanner(otherwise=(FINDING,))
    for day, refused in ((31, 0), (1, 1)):
        now = datetime(2026, 5 if day == 31 else 6, day, tzinfo=UTC)
        report = scan_image(scanner, IMAGE, ("linux/amd64",), ScanPolicy(), accepted, now=now)
        assert isinstance(report, ScanReport)
        assert len(report.refused) == refused
