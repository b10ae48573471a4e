"""`kill -9` while many push and delete and the registry collects and scrubs: nothing acknowledged is lost, nothing
half-pushed is served. `WINDLASS_CRASH_ROUNDS` rounds; `script/bench crash` runs hundreds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.integration.registry.crashing import Case, cases, trial
from tests.integration.registry.serving import free_port
from windlass.registry.server.storage.crash import POINTS

ROUNDS = int(os.environ.get("WINDLASS_CRASH_ROUNDS", "4"))


def test_killed_under_concurrent_pushes_deletions_collections_and_scrubs(tmp_path: Path) -> None:
    crashes = trial(tmp_path, free_port())
    outcomes = [crashes.round(case) for case in cases(ROUNDS)]
    assert [(each.case, each.wrong) for each in outcomes if each.wrong] == []
    assert sum(each.acknowledged for each in outcomes) > 0


@pytest.mark.parametrize("point", ["manifest-linked", "collect-moved", "scrub-moved"])
def test_the_server_dies_at_the_point_it_is_told(tmp_path: Path, point: str) -> None:
    assert point in POINTS
    outcome = trial(tmp_path, free_port()).round(Case(point))
    assert (outcome.hit, outcome.wrong) == (True, [])
