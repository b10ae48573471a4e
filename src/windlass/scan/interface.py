"""What a scanner is. Policy, ignore files and SARIF are applied on our side, so that all scanners gate alike."""

from __future__ import annotations

from typing import Protocol

from windlass.model.artifacts import Finding, LayoutImage, NotScanned


class Scanner(Protocol):
    """Drivers: `trivy.TrivyScanner`, `none.NoScanner`, and `testing.scanner.FakeScanner`."""

    @property
    def name(self) -> str: ...

    def scan(self, image: LayoutImage | str, platform: str) -> tuple[Finding, ...] | NotScanned:
        """Findings of one platform of an image (a layout, or `host/repository@sha256:…` for one that is only in the registry), unfiltered.

        An image that nobody could look at is `NotScanned` with the reason, never an empty tuple.

        Raises:
            EnvironmentUnusable: the scanner is there but broken (stale database, crash).
        """
