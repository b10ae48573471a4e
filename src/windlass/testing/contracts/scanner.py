"""What every scanner keeps to. A driver's test class inherits `ScannerContract` and gives a `scanner` fixture."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from windlass.build.interface import BuildRequest
from windlass.errors import EnvironmentUnusable
from windlass.model.artifacts import Finding, LayoutImage, NotScanned, Severity
from windlass.model.events import silent
from windlass.scan.interface import Scanner
from windlass.testing.builder import FakeBuilder


class ScannerContract:
    @pytest.fixture
    def scanner(self) -> Scanner:
        """One that finds something in any image, or looks at none."""
        raise NotImplementedError

    @pytest.fixture
    def image(self, tmp_path: Path) -> LayoutImage:
        context = tmp_path / "context"
        context.mkdir()
        (context / "Dockerfile").write_text("FROM busybox:1\n")
        platforms = ("linux/amd64", "linux/arm64")
        request = BuildRequest("web", str(context), context / "Dockerfile", tmp_path / "layout", platforms)
        return FakeBuilder().build(request, silent)

    def test_it_has_a_name(self, scanner: Scanner) -> None:
        assert scanner.name

    def test_findings_name_their_platform_package_and_severity(self, scanner: Scanner, image: LayoutImage) -> None:
        found = scanner.scan(image, "linux/arm64")
        if isinstance(found, NotScanned):
            assert found.reason
            return
        assert found
        for finding in found:
            assert isinstance(finding, Finding)
            assert finding.platform == "linux/arm64"
            assert finding.id and finding.package
            assert finding.severity in get_args(Severity)

    def test_an_image_in_a_registry_is_named_by_its_digest(self, scanner: Scanner) -> None:
        found = scanner.scan(f"localhost:1/web@sha256:{'0' * 64}", "linux/amd64")
        assert isinstance(found, NotScanned | tuple)

    def test_an_image_that_is_not_there_is_never_clean(self, scanner: Scanner, tmp_path: Path) -> None:
        missing = LayoutImage(tmp_path / "nowhere", "sha256:" + "0" * 64)
        try:
            found = scanner.scan(missing, "linux/amd64")
        except EnvironmentUnusable:
            return
        assert isinstance(found, NotScanned)
        assert found.reason
