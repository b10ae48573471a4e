"""What is said beforehand of what users notice."""

from __future__ import annotations

import pytest

from windlass.deploy.docker.announcing import explained
from windlass.deploy.docker.edge.board import Board
from windlass.deploy.docker.edge.layout import RUNS_ONCE, Layout
from windlass.deploy.interface import Change

SINGLETON = "it is a singleton"
LAYOUT = Layout(in_place={"db": SINGLETON, "job": RUNS_ONCE, "plain": ""}, workers=frozenset({"worker"}))


@pytest.mark.parametrize(
    ("change", "noticed"),
    [
        (Change("db", "recreate", "its image changed"), True),
        (Change("db", "recreate", "whatever its state is called", cause="unwell"), False),
        (Change("db", "recreate", "it is another image now"), True),
        (Change("db", "create", "not there yet"), False),
        (Change("db", "keep"), False),
        (Change("job", "recreate", "its image changed"), False),
        (Change("plain", "recreate", "its image changed"), False),
        (Change("worker", "recreate", "its image changed"), False),
    ],
)
def test_what_users_notice_is_what_runs_well_and_cannot_run_twice(change: Change, noticed: bool) -> None:
    said = explained(change, LAYOUT, Board((), ()))
    assert said.noticed is noticed
    assert (SINGLETON in said.reason) is noticed
    assert said.cause == change.cause
