"""What a measurement was to reach."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Goals:
    """What was to be reached: `missed` has what was not. A run that is not `full` is too short to tell."""

    full: bool
    missed: list[str] = field(default_factory=list)

    def met(self, what: str, met: bool) -> str:
        """The word beside a figure that misses its goal; "" beside all others."""
        if met or not self.full:
            return ""
        self.missed.append(what)
        return "  MISSED"
