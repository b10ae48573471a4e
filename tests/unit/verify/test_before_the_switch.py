"""Which cases wait until other services reach a release."""

from __future__ import annotations

from windlass.model.release import BEFORE_SWITCH, Release
from windlass.verify.api import parse_suite
from windlass.verify.selection import cases_for

SUITE = b"""
cases:
  - {name: it answers, service: web}
  - {name: workers have registered, service: web, after_switch: true}
"""


def test_a_case_that_needs_others_to_reach_the_release_waits_for_the_switch() -> None:
    after = Release("r1", "staging", "c", "t", ("compose.yml",), (), "")
    before = Release("r1", "staging", "c", "t", ("compose.yml",), (), "", excluded=((BEFORE_SWITCH, "not yet"),))
    suite = parse_suite(SUITE, "api.yaml")
    assert [case.name for case in cases_for(suite, before).cases] == ["it answers"]
    assert [case.name for case in cases_for(suite, after).cases] == ["it answers", "workers have registered"]
