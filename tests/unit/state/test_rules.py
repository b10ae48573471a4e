"""Times without deployments, by the clocks of their place; and whose approval counts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from windlass.model.rules import ApprovalRule, Freeze, Person

WEEKEND = Freeze("week", 4 * 1440 + 960, 360, "Europe/Berlin")  # Fri 16:00 to Mon 06:00
NIGHT = Freeze("day", 1320, 360)  # 22:00 to 06:00


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-01-02T14:59", None),  # a Friday; Berlin is an hour ahead
        ("2026-01-02T15:00", "2026-01-05T05:00"),
        ("2026-01-04T12:00", "2026-01-05T05:00"),
        ("2026-01-05T04:59", "2026-01-05T05:00"),
        ("2026-01-05T05:00", None),
        ("2026-07-03T13:59", None),  # in summer two hours
        ("2026-07-03T14:00", "2026-07-06T04:00"),
        ("2026-03-28T12:00", "2026-03-30T04:00"),  # the clock changes within
        ("2026-10-24T12:00", "2026-10-26T05:00"),
    ],
)
def test_a_weekend_goes_by_the_clocks_of_its_place(now: str, until: str | None) -> None:
    found = WEEKEND.until(at(now))
    assert (found and found.astimezone(UTC)) == (at(until) if until else None)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-01-02T21:59:59", None),
        ("2026-01-02T22:00", "2026-01-03T06:00"),
        ("2026-01-03T05:59:30", "2026-01-03T06:00"),
        ("2026-01-03T06:00", None),
    ],
)
def test_a_night_goes_over_midnight(now: str, until: str | None) -> None:
    assert NIGHT.until(at(now)) == (at(until) if until else None)


def test_a_freeze_between_dates_happens_once() -> None:
    start, end = (datetime(2026, 12, day).toordinal() * 1440 for day in (20, 27))
    holidays = Freeze("date", start, end, "Pacific/Auckland")
    assert holidays.until(at("2026-12-19T10:59")) is None
    assert holidays.until(at("2026-12-19T11:00")) == at("2026-12-26T11:00")
    assert holidays.until(at("2027-12-21T00:00")) is None


def test_an_unknown_zone_is_said() -> None:
    with pytest.raises(KeyError):
        Freeze("day", 0, 60, "Mars/Olympus").until(at("2026-01-01T00:00"))


def test_people_are_known_by_name_or_address() -> None:
    ada = Person("Ada L", "Ada@example.org")
    assert ApprovalRule(1).counts(ada)
    assert ApprovalRule(1, ("ada@example.org",)).counts(ada)
    assert ApprovalRule(1, ("ada l",)).counts(ada)
    assert not ApprovalRule(1, ("ada",)).counts(ada)
    assert ada.is_same(Person("somebody else", "ada@EXAMPLE.org"))
    assert not Person("Ada", "").is_same(Person("Ada", ""))
