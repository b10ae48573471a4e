"""`approvals` and `freeze` of an environment in `windlass.yaml`."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from windlass.config.section import Section
from windlass.model.rules import ApprovalRule, Form, Freeze, zone_of

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])|(24):(00)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EXPECTED = "expected a moment such as Fri 16:00, 22:00 or 2026-12-20 16:00"


def moment(text: str) -> tuple[Form, int]:
    """A moment of the week, of the day, or of all time, in minutes as `Freeze` counts them.

    Raises:
        ValueError: it is none; the message says what was expected.
    """
    words = text.split()
    if not words or len(words) > 2:
        raise ValueError(_EXPECTED)
    first = words[0].lower()
    if _DATE.fullmatch(first):
        try:
            day = date.fromisoformat(first).toordinal()
        except ValueError:
            raise ValueError(_EXPECTED) from None
        return "date", day * 1440 + (_clock(words[1]) if words[1:] else 0)
    if first in _DAYS or first in _NAMES:
        day = _DAYS.index(first[:3])
        return "week", (day * 1440 + (_clock(words[1]) if words[1:] else 0)) % (7 * 1440)
    if words[1:]:
        raise ValueError(_EXPECTED)
    return "day", _clock(first) % 1440


def _clock(text: str) -> int:
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(_EXPECTED)
    return int(found[1] or found[3]) * 60 + int(found[2] or found[4])


def _moment(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and 60 <= value <= 1440:
        value = f"{value // 60}:{value % 60:02}"  # YAML takes 16:00 for a number to the base of 60
    if isinstance(value, str):
        moment(value)
        return value
    raise ValueError(_EXPECTED)


def _zone(value: Any) -> Any:
    if isinstance(value, str):
        try:
            zone_of(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("expected a time zone that this machine knows, such as Europe/Berlin or UTC") from None
    return value


Moment = Annotated[str, BeforeValidator(_moment), WithJsonSchema({"type": "string"})]


class ApprovalsSection(Section):
    """Whose word a release needs before it is deployed here. A rollback needs none."""

    required: int = Field(default=1, ge=1, le=100, description="How many approvals.", examples=[2])
    by: list[Annotated[str, Field(min_length=1)]] = Field(
        default=[],
        description="Names or e-mail addresses, as git has them, whose approval counts. Default: anybody's but the author's.",
        examples=[["ada@example.org", "bob@example.org"]],
    )

    @model_validator(mode="after")
    def _enough(self) -> ApprovalsSection:
        if self.by and len({name.casefold() for name in self.by}) < self.required:
            raise ValueError("expected at least as many names in by as approvals are required")
        return self


class FreezeSection(Section):
    """A time without deployments: of every week (`Fri 16:00`), of every day (`22:00`), or between two dates."""

    begin: Moment = Field(description="When it begins.", examples=["Fri 16:00"])
    end: Moment = Field(description="When it is over.", examples=["Mon 06:00"])
    timezone: Annotated[str, BeforeValidator(_zone)] = Field(
        default="UTC", description="Whose clocks are meant.", examples=["Australia/Sydney"]
    )
    reason: str = Field(default="", description="Why, for those who are refused.", examples=["nobody is on call"])

    @model_validator(mode="after")
    def _alike(self) -> FreezeSection:
        (one, start), (other, end) = moment(self.begin), moment(self.end)
        if one != other:
            raise ValueError("expected begin and end alike: two weekdays, two times of day, or two dates")
        if start == end or (one == "date" and start > end):
            raise ValueError("expected begin before end")
        return self


def rule(section: ApprovalsSection) -> ApprovalRule:
    return ApprovalRule(section.required, tuple(section.by))


def freeze(section: FreezeSection) -> Freeze:
    form, start = moment(section.begin)
    return Freeze(form, start, moment(section.end)[1], section.timezone, section.reason)
