"""Containers that stay for the way back: who ends them, when, and who must not be ended."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.deploy.test_workers import container

from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.edge.board import Board, RunningEdge
from windlass.deploy.docker.edge.edges import Edges
from windlass.deploy.docker.edge.render import Carried, Server
from windlass.deploy.docker.expiry import expired
from windlass.deploy.warm import Warm, attend, command
from windlass.errors import EngineUnavailable
from windlass.testing.clock import ManualClock


@pytest.fixture
def warm(tmp_path: Path) -> Warm:
    return Warm(tmp_path / "own" / "warm.json")


def test_what_stays_already_does_so_no_longer_and_what_is_not_named_is_forgotten(warm: Warm) -> None:
    warm.keep(["a", "b"], 100.0)
    warm.keep(["b", "c"], 200.0)
    assert warm.read() == {"b": 100.0, "c": 200.0}
    assert (warm.due(99.0), warm.due(100.0), sorted(warm.due(200.0))) == ([], ["b"], ["b", "c"])
    warm.forget(["b"])
    assert warm.read() == {"c": 200.0}


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"a": "soon"}', '{"a": null}', "null"])
def test_a_file_that_makes_no_sense_names_nobody(warm: Warm, text: str) -> None:
    warm.file.parent.mkdir()
    warm.file.write_text(text)
    assert warm.read() == {}
    warm.keep(["a"], 1.0)
    assert warm.read() == {"a": 1.0}


class Time:
    """The clock that waits and the one that dates, moved together."""

    def __init__(self) -> None:
        self.clock = ManualClock()

    def now(self) -> float:
        return 1_000_000.0 + self.clock.now()


def attended(warm: Warm, time: Time, *, there: bool = True, fails: int = 0) -> list[float]:
    """When containers were ended, in seconds from the start."""
    ended: list[float] = []
    left = fails

    def end() -> None:
        nonlocal left
        ended.append(time.clock.now())
        if left:
            left -= 1
            raise EngineUnavailable("no answer", remedy="")
        warm.forget(warm.due(time.now()))

    attend(warm, end, lambda ids: there, clock=time.clock, now=time.now)
    return ended


def test_each_is_ended_when_its_time_is_over_and_the_program_ends_with_the_last(warm: Warm) -> None:
    time = Time()
    warm.keep(["a"], time.now() + 1800)
    warm.keep(["a", "b"], time.now() + 3600)
    first, second = attended(warm, time)
    assert 1800 <= first <= 1810
    assert 3600 <= second <= 3610
    assert time.clock.now() <= 3620


def test_one_that_is_needed_again_is_not_ended(warm: Warm) -> None:
    time = Time()
    warm.keep(["a"], time.now() + 1800)
    time.clock.then(900, lambda: warm.forget(["a"]))
    assert attended(warm, time) == []
    assert time.clock.now() < 1000


def test_one_whose_time_begins_anew_stays_as_long_as_that(warm: Warm) -> None:
    time = Time()
    warm.keep(["a"], time.now() + 1800)

    def again() -> None:
        warm.forget(["a"])
        warm.keep(["a"], time.now() + 1800)

    time.clock.then(900, again)
    (at,) = attended(warm, time)
    assert 2700 <= at <= 2710


def test_containers_that_are_gone_are_not_waited_for(warm: Warm) -> None:
    time = Time()
    warm.keep(["a"], time.now() + 3600)
    assert attended(warm, time, there=False) == []
    assert time.clock.now() < 100


def test_an_engine_that_does_not_answer_is_asked_again_and_given_up_in_the_end(warm: Warm) -> None:
    time = Time()
    warm.keep(["a"], time.now() + 10)
    assert len(attended(warm, time, fails=2)) == 3
    warm.keep(["a"], time.now() + 10)
    assert len(attended(warm, time, fails=10_000)) == 60
    assert warm.read()  # whoever looks next begins again


def test_only_one_waits_for_each_environment(warm: Warm) -> None:
    time = Time()
    warm.keep(["a"], time.now() + 10)
    with warm.file.with_suffix(".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert attended(warm, time) == []
    assert len(attended(warm, time)) == 1


def test_the_program_is_told_everything_in_one_word(tmp_path: Path) -> None:
    argv = command(tmp_path, "shop-staging", {"host": "ssh://there"}, here=False)
    assert argv[:3] == [sys.executable, "-m", "windlass.deploy.warm"]
    assert json.loads(argv[3]) == {
        "folder": str(tmp_path),
        "project": "shop-staging",
        "engine": {"host": "ssh://there"},
        "here": False,
        "late": False,
    }


OLD = container("a" * 64, "1", worker=False, fronted=True)
NEW = container("b" * 64, "2", worker=False, fronted=True)
EDGE = container("e" * 64, "0", worker=False, edge="{}")


def board(ready: Sequence[Container], drained: Sequence[Container] = ()) -> Board:
    slots = (*(Server(c.id, "10.0.0.2") for c in ready), *(Server(c.id, "10.0.0.3", "drain") for c in drained))
    carried = Carried({"worker": {80: "http"}}, {"worker": slots})
    return Board((OLD, NEW), (RunningEdge(EDGE, {"name": "edge", "services": ["worker"]}, carried, sure=True),))


def test_what_serves_is_not_ended_however_long_it_should_have_been_gone() -> None:
    due = [OLD.id, NEW.id]
    assert expired(board([NEW], [OLD]), due) == [OLD]
    assert expired(board([OLD], [NEW]), due) == [NEW]
    assert expired(board([OLD, NEW]), due) == []
    assert expired(board([NEW], [OLD]), [NEW.id]) == []


def test_the_last_ones_are_never_ended() -> None:
    assert expired(board([], [OLD]), [OLD.id]) == []


def test_what_goes_already_is_not_ended_again() -> None:
    assert expired(replace(board([NEW], [OLD]), leaving=frozenset({OLD.id})), [OLD.id]) == []


def test_what_should_have_gone_long_ago_is_ended_again_unless_it_serves() -> None:
    def late(board: Board, *ids: str) -> Board:
        return replace(board, leaving=frozenset(ids), overdue=frozenset(ids))

    assert expired(late(board([NEW], [OLD]), OLD.id), [OLD.id]) == [OLD]
    assert expired(late(board([NEW]), OLD.id), [OLD.id]) == [OLD]
    assert expired(late(board([OLD]), OLD.id), [OLD.id]) == []  # another machine went back to it
    first, second = container("first", "1"), container("second", "2")
    assert expired(late(Board((first, second)), "first"), ["first"]) == [first]
    assert expired(late(Board((first,)), "first"), ["first"]) == []


@pytest.mark.parametrize(("leaving", "noted"), [({"a": 1000.0}, 1000.0), (["a"], 1000.0 - 3600.0)])
def test_a_container_is_overdue_some_time_after_it_should_be_gone_also_where_an_older_version_wrote_no_time(
    tmp_path: Path, leaving: object, noted: float
) -> None:
    file = tmp_path / "edge.json"
    file.write_text(json.dumps({"carried": {}, "since": {}, "leaving": leaving}))
    os.utime(file, (noted, noted))
    made = container("a", "1")
    other = container("b", "2")
    assert Edges(file, now=lambda: 1100.0).board([made, other]).stuck == []
    edges = Edges(file, now=lambda: 1130.0)
    assert edges.board([made, other]).stuck == [made]
    edges.note_leaving({"a": 10.0}, [made, other])  # somebody has asked it to end again
    assert edges.read().leaving == {"a": 1140.0}
    assert edges.board([made, other]).stuck == []


def test_one_that_was_being_stopped_is_not_counted_on_until_it_is_clear_that_it_stays(tmp_path: Path) -> None:
    made = replace(container("a", "1"), worker=False)
    job = replace(made, id="b", service="job", status="exited", may_end=True)
    Edges(tmp_path / "edge.json", now=lambda: 1000.0).note_stopping({"a": 10.0, "b": 10.0}, [made, job])
    board = Edges(tmp_path / "edge.json", now=lambda: 1130.0).board([made, job])
    assert (board.current, board.stuck) == ([], [])
    board = Edges(tmp_path / "edge.json", now=lambda: 1131.0).board([made, job])
    assert (board.current, board.stuck) == ([made, job], [])  # nobody ends what serves because somebody once wanted to
