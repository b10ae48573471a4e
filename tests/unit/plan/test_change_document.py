"""`docs/change-detection.md` says what the suite proves."""

from __future__ import annotations

from pathlib import Path

from windlass.testing.contracts.change_table import ELSEWHERE, decisions, replaced
from windlass.testing.contracts.changes import CASES
from windlass.testing.contracts.histories import HISTORIES
from windlass.testing.contracts.unpinned import ORIGINS

DOCUMENT = Path(__file__).parents[3] / "docs" / "change-detection.md"


def test_the_tables_are_those_of_the_suite() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    assert text == replaced(text), "write them anew: python -m windlass.testing.contracts.change_table"


def test_every_case_that_other_tools_are_compared_in_is_in_the_suite() -> None:
    assert set(ELSEWHERE) <= set(decisions())


def test_every_case_has_a_name_of_its_own() -> None:
    assert len(decisions()) == len(CASES) + len(HISTORIES) + len(ORIGINS) >= 80


def test_no_more_than_five_cases_are_built_needlessly() -> None:
    needless = [case.name for case in CASES if case.needless] + [one.name for one in HISTORIES if one.needless]

    assert len(needless) <= 5, needless
