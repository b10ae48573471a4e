"""Times as people read them."""

from __future__ import annotations


def moment(stamp: str) -> str:
    """An ISO 8601 time in UTC: `2026-01-31 14:05:00 UTC`."""
    return stamp.replace("T", " ").replace("+00:00", " UTC").replace("Z", " UTC")
