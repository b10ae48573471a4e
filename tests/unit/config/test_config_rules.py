"""Approvals and times without deployments, as they are written in windlass.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from windlass.config.models import EnvironmentSection
from windlass.config.problems import validate
from windlass.config.rules import freeze, moment, rule
from windlass.config.yaml import parse
from windlass.errors import ConfigError
from windlass.model.rules import ApprovalRule, Freeze


def read(text: str) -> EnvironmentSection:
    document = parse(text.encode(), "windlass.yaml")
    return validate(EnvironmentSection, document.value, document)


def test_without_them_nothing_is_held_back() -> None:
    section = read("branch: main")
    assert (section.approvals, section.freeze) == (None, [])


def test_approvals_name_how_many_and_whose() -> None:
    section = read("approvals: {required: 2, by: [ada@example.org, Bob, Eve]}")
    assert section.approvals is not None
    assert rule(section.approvals) == ApprovalRule(2, ("ada@example.org", "Bob", "Eve"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{begin: Fri 16:00, end: Mon 06:00}", Freeze("week", 4 * 1440 + 960, 360)),
        ("{begin: friday, end: Sun 24:00}", Freeze("week", 4 * 1440, 0)),
        ("{begin: 22:00, end: 06:00, timezone: Europe/Berlin}", Freeze("day", 1320, 360, "Europe/Berlin")),
        ("{begin: '9:30', end: 24:00, reason: audit}", Freeze("day", 570, 0, "UTC", "audit")),
    ],
)
def test_a_freeze_is_a_stretch_of_the_week_or_day(text: str, found: Freeze) -> None:
    assert freeze(read(f"freeze: [{text}]").freeze[0]) == found


def test_a_freeze_may_lie_between_two_dates() -> None:
    found = freeze(read("freeze: [{begin: 2026-12-20, end: 2027-01-02 06:00}]").freeze[0])
    assert (found.form, found.end - found.start) == ("date", 13 * 1440 + 360)


@pytest.mark.parametrize(
    "text",
    [
        "approvals: 2",
        "approvals: {required: 0}",
        "approvals: {required: 2, by: [ada]}",
        "approvals: {required: 2, by: [ada, ADA]}",
        "approvals: {by: ada}",
        "freeze: {begin: Fri, end: Mon}",
        "freeze: [{begin: Fri}]",
        "freeze: [{begin: Fri 16:00, end: 06:00}]",
        "freeze: [{begin: Fri 16:00, end: Fri 16:00}]",
        "freeze: [{begin: 2027-01-02, end: 2026-12-20}]",
        "freeze: [{begin: 2026-02-30, end: 2026-12-20}]",
        "freeze: [{begin: Fri 25:00, end: Mon}]",
        "freeze: [{begin: Fri 16:00 CET, end: Mon}]",
        "freeze: [{begin: noon, end: midnight}]",
        "freeze: [{begin: 16, end: 18}]",
        "freeze: [{begin: true, end: Mon}]",
        "freeze: [{begin: Fri, end: Mon, timezone: Mars/Olympus}]",
        "freeze: [{begin: Fri, end: Mon, timezone: ../../etc/passwd}]",
        "freeze: [{begin: Fri, end: Mon, when: always}]",
    ],
)
def test_what_is_neither_is_refused_in_one_line_that_says_where(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(text)
    assert str(refused.value).startswith("windlass.yaml:1: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "16:00 Fri", "Fri Sat", "2026-12-20 16:00 UTC", ":", "24:01"])
def test_a_moment_is_a_weekday_a_time_or_a_date(text: str) -> None:
    with pytest.raises(ValueError, match="expected a moment"):
        moment(text)


def test_what_is_kept_of_a_known_file_gives_the_same() -> None:
    from windlass.config import known

    section: Any = read("approvals: {required: 1}\nfreeze: [{begin: Fri, end: Mon}]")
    kept: Any = known._restored(known._plain(section))
    assert rule(kept.approvals) == rule(section.approvals)
    assert freeze(kept.freeze[0]) == freeze(section.freeze[0])
