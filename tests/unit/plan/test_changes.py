"""The planner against the table of edits: rebuilt if, and only if, the image changes."""

from __future__ import annotations

from typing import Any

import pytest

from windlass.model.project import Service
from windlass.testing.contracts.changes import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_rebuilds_exactly_when_the_image_changes(case: Case, world: Any) -> None:
    world.files = dict(case.files)
    world.services = [Service("app", "app", case.before)]
    world.publish()
    assert world.built() == []

    world.files = case.edited
    world.services = [Service("app", "app", case.after or case.before)]

    rebuilt = world.built() == ["app"]
    assert rebuilt == (case.changes or bool(case.needless)), world.of("app").fingerprint.inputs


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 80


def test_no_more_than_five_cases_are_built_needlessly() -> None:
    assert sum(bool(case.needless) for case in CASES) <= 5
