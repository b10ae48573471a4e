"""Durations as people write them: `180s`, `2m`, `1h30m`, `1.5s`, `500ms` (the notation of Compose and of Go)."""

from __future__ import annotations

import re

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST = 366 * 86400.0

PATTERN = r"^(\d+(\.\d+)?(ms|s|m|h|d))+$"
"""What a duration looks like, for the JSON schema."""


def parse_duration(text: str) -> float:
    """A duration in seconds.

    Raises:
        ValueError: it is not one, is zero, or is longer than a year; the message says what was expected.
    """
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError("expected a duration such as 180s, 2m or 1h30m")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if not 0 < seconds <= _LONGEST:
        raise ValueError("expected a duration above 0s and within a year")
    return seconds


def write_duration(seconds: float) -> str:
    """The shortest notation of whole seconds: 90.0 → `1m30s`."""
    left = round(seconds)
    text = ""
    for unit, size in (("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"
