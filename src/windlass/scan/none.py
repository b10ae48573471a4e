"""The scanner of a machine that has none: it looks at nothing, and says so every time."""

from __future__ import annotations

from windlass.model.artifacts import Finding, LayoutImage, NotScanned

REASON = "no vulnerability scanner is installed on this machine"


class NoScanner:
    def __init__(self, reason: str = REASON) -> None:
        self._reason = reason

    @property
    def name(self) -> str:
        return "none"

    def scan(self, image: LayoutImage | str, platform: str) -> tuple[Finding, ...] | NotScanned:
        return NotScanned(self._reason)
