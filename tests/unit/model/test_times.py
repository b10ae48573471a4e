from __future__ import annotations

from datetime import UTC, datetime

import pytest

from windlass.model.times import since

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stamp", "told"),
    [
        ("2026-01-02T11:59:15Z", "45 s"),
        ("2026-01-02T11:48:00Z", "12 min"),
        ("2026-01-02T09:00:00Z", "3 h"),
        ("2025-12-28T12:00:00Z", "5 days"),
        ("2026-01-01T12:00:00Z", "24 h"),
        ("2026-01-02T12:00:09Z", "0 s"),
        ("no time", "-"),
        (None, "-"),
    ],
)
def test_how_long_ago_is_told_in_the_unit_that_fits(stamp: str | None, told: str) -> None:
    assert since(stamp, NOW) == told
