"""What `script/bench deploy` makes of its figures."""

from __future__ import annotations

import pytest
from bench.deploy import ENOUGH, Side, table
from bench.goals import Goals
from tests.engine.deploy.load import Window


def measured(name: str, times: dict[str, list[float]]) -> Side:
    return Side(name, None, None, times)  # type: ignore[arg-type]


def told(goals: Goals, requests: int = ENOUGH, ours: float = 4.0) -> None:
    window = Window(seconds=60.0, quick=[0.01], slow=[5.0])
    window.versions["web v1"] = requests
    mine = measured("windlass", {"verified": [ours], "deploy": [9.0]})
    other = measured("compose", {"deploy": [10.0], "build": [1.0], "up": [9.0]})
    table(mine, other, {"windlass": {"deploy 1": window}, "compose": {"deploy 1": window}}, goals)


def test_a_full_run_that_reaches_its_goals_misses_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    goals = Goals(full=True)
    told(goals)
    assert goals.missed == [] and "MISSED" not in capsys.readouterr().out


def test_a_ratio_above_the_goal_is_missed_and_marked(capsys: pytest.CaptureFixture[str]) -> None:
    goals = Goals(full=True)
    told(goals, ours=5.1)
    assert goals.missed == ["commit to healthy"]
    marked = [line for line in capsys.readouterr().out.splitlines() if line.endswith("MISSED")]
    assert [line.partition(",")[0] for line in marked] == ["commit to healthy"]


def test_too_few_requests_are_missed() -> None:
    goals = Goals(full=True)
    told(goals, requests=ENOUGH - 1)
    assert goals.missed == ["requests"]


def test_a_short_run_judges_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    goals = Goals(full=False)
    told(goals, requests=10, ours=9.0)
    assert goals.missed == [] and "MISSED" not in capsys.readouterr().out
