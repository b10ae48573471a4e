from __future__ import annotations

import pytest

from windlass.config.duration import parse_duration, write_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("180s", 180), ("2m", 120), ("1h30m", 5400), ("1.5s", 1.5), ("500ms", 0.5), ("1d", 86400), ("1m500ms", 60.5)],
)
def test_durations_are_read_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "180", "s", "1 m", "-1s", "1h-2m", "0s", "1y", "１s", "9999999d", "1s "])
def test_what_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(text)


@pytest.mark.parametrize(("seconds", "text"), [(180, "3m"), (90, "1m30s"), (5400, "1h30m"), (0, "0s"), (45, "45s")])
def test_durations_are_written_shortly(seconds: float, text: str) -> None:
    assert write_duration(seconds) == text
