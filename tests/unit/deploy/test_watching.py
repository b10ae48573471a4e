"""Watching a release after the switch: what a failed look means, and what is watched at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from tests.unit.deploy.test_workers import container

from windlass.deploy.docker.edge.board import Board
from windlass.deploy.docker.edge.commands import Tally
from windlass.deploy.docker.edge.judge import Look
from windlass.deploy.docker.watching import Turned, watch
from windlass.deploy.interface import Meanwhile
from windlass.errors import DeploymentFailed, EngineUnavailable
from windlass.testing.clock import ManualClock

BOARD = Board((container("a", "2026-01-01T10:00:00"),))
GONE = EngineUnavailable("the container engine does not answer: try again", remedy="start it")
SILENT = DeploymentFailed("the edge does not answer: no answer")


def look(*, restarts: int = 0, total: int = 0, errors: int = 0) -> dict[str, Look]:
    return {"worker": Look({"a": restarts}, {"a": "running"}, Tally(total, errors), Tally())}


def watched(*looks: Mapping[str, Look] | Exception, seconds: float = 5.0) -> dict[str, str]:
    """The verdict when these are the looks, the last one again and again."""
    following: Iterator[Mapping[str, Look] | Exception] = iter(looks)
    last: Mapping[str, Look] | Exception = {}

    def see() -> Mapping[str, Look]:
        nonlocal last
        last = next(following, last)
        if isinstance(last, Exception):
            raise last
        return last

    turned = Turned(0.0, BOARD, see)
    turned._answer()
    return watch(turned, Meanwhile(), seconds=seconds, clock=ManualClock())


@pytest.mark.parametrize("failed", [GONE, SILENT])
def test_a_look_that_failed_is_no_look_and_the_watch_goes_on(failed: Exception) -> None:
    restarted = {"worker": "it was restarted after the switch"}
    assert watched(look(), failed, look(restarts=1)) == restarted
    assert watched(look(), look(), failed, failed, look(restarts=1)) == restarted
    assert watched(failed, look(restarts=1)) == restarted  # what was switched to is known without a first look
    assert watched(look(), look(), failed) == {}


def test_errors_are_counted_from_the_first_look_that_succeeded() -> None:
    assert watched(GONE, look(total=1000, errors=900), look(total=1100, errors=900)) == {}
    said = watched(GONE, look(total=900), look(total=1000, errors=9))["worker"]
    assert said == "9 of 100 requests failed after the switch"


@pytest.mark.parametrize("failed", [GONE, SILENT])
def test_a_watch_that_saw_nothing_at_all_says_so(failed: Exception) -> None:
    with pytest.raises(EngineUnavailable, match="does not answer"):
        watched(failed)
