"""When an environment takes a release, and on whose word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal, TypeAlias

Form: TypeAlias = Literal["week", "day", "date"]
_DAY = 24 * 60
_PERIOD = {"week": 7 * _DAY, "day": _DAY}


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """How many approvals a release needs, and of whom (names or e-mail addresses as git knows them; none: anybody's). The
    author of its commit does not count."""

    required: int
    by: tuple[str, ...] = ()

    def counts(self, person: Person) -> bool:
        """Whether somebody's approval counts, authorship apart."""
        return not self.by or any(person.is_called(name) for name in self.by)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as git knows them."""

    name: str
    email: str

    def is_called(self, word: str) -> bool:
        """Whether a word is this person's name or address; case counts in neither."""
        return word.casefold() in (self.name.casefold(), self.email.casefold())

    def is_same(self, other: Person) -> bool:
        return bool(self.email) and self.email.casefold() == other.email.casefold()

    def __str__(self) -> str:
        return self.name or self.email


@dataclass(frozen=True, slots=True)
class Freeze:
    """A time without deployments: a stretch of every week or day, or one between two dates, by the clocks of a time zone.

    `start` and `end` are minutes since Monday (form "week"), since midnight ("day"), or since the year 1 ("date"). The end
    is no longer part of it; where it lies before the start, the stretch goes over the end of the week or day.
    """

    form: Form
    start: int
    end: int
    zone: str = "UTC"
    reason: str = ""

    def until(self, now: datetime) -> datetime | None:
        """When the stretch that `now` (with a time zone) is in ends; None when it is in none.

        Raises:
            ZoneInfoNotFoundError: this machine does not know the time zone.
        """
        here = now.astimezone(zone_of(self.zone))
        minute = _minute(here, self.form)
        if self.start <= self.end:
            inside = self.start <= minute < self.end
        else:
            inside = self.form != "date" and (minute >= self.start or minute < self.end)
        if not inside:
            return None
        left = self.end - minute
        if self.form != "date":
            left %= _PERIOD[self.form]
        return here.replace(second=0, microsecond=0) + timedelta(minutes=left)  # by the clock on the wall


def zone_of(name: str) -> tzinfo:
    """Raises ZoneInfoNotFoundError (a KeyError), ValueError: there is no such time zone here."""
    if name.upper() == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


def _minute(here: datetime, form: Form) -> int:
    minute = here.hour * 60 + here.minute
    if form == "day":
        return minute
    return minute + _DAY * (here.weekday() if form == "week" else here.toordinal())
