"""A scanner that finds what it is told to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from windlass.model.artifacts import Finding, LayoutImage, NotScanned


@dataclass
class FakeScanner:
    """`findings` by digest, and `otherwise` for any other image; a `NotScanned` stands for one nobody can look at.

    `scanned` holds (digest, platform) in order.
    """

    findings: Mapping[str, tuple[Finding, ...] | NotScanned] = field(default_factory=dict)
    otherwise: tuple[Finding, ...] | NotScanned = ()
    scanned: list[tuple[str, str]] = field(default_factory=list)
    name: str = "fake"

    def scan(self, image: LayoutImage | str, platform: str) -> tuple[Finding, ...] | NotScanned:
        digest = image.rpartition("@")[2] if isinstance(image, str) else image.digest
        self.scanned.append((digest, platform))
        if isinstance(image, LayoutImage) and not (image.layout / "index.json").is_file():
            return NotScanned(f"{image.layout} is no image layout")
        found = self.findings.get(digest, self.otherwise)
        return found if isinstance(found, NotScanned) else tuple(replace(f, platform=platform) for f in found)
