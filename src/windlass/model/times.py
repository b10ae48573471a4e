"""Times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(stamp: str) -> str:
    """An ISO 8601 time in UTC: `2026-01-31 14:05:00 UTC`."""
    return stamp.replace("T", " ").replace("+00:00", " UTC").replace("Z", " UTC")


def since(stamp: str | None, now: datetime | None = None) -> str:
    """How long ago a time was, in its largest unit: "12 s", "5 min", "3 h", "9 days"; "-" where nobody knows."""
    try:
        passed = ((now or datetime.now(UTC)) - datetime.fromisoformat(stamp or "")).total_seconds()
    except (ValueError, TypeError):
        return "-"
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if passed >= size * (2 if unit == "days" else 1):
            return f"{int(passed // size)} {unit}"
    return f"{max(0, int(passed))} s"
