"""What is said beforehand of what users notice."""

from __future__ import annotations

import pytest

from windlass.deploy.docker.announcing import cut, edge_changes, explained
from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.edge.allocate import Edge
from windlass.deploy.docker.edge.board import Board, RunningEdge
from windlass.deploy.docker.edge.layout import RUNS_ONCE, Layout
from windlass.deploy.docker.edge.render import Carried, Server
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


def one(service: str, *, fronted: bool = False) -> Container:
    return Container(
        id=service, name=service, service=service, status="running", health="", restarts=0, exit_code=0, image="x",
        image_id="i", config_hash="h", digest=None, started="2026", finished="", error="", health_output="", may_end=True,
        ports=(), fronted=fronted,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("there", "words"),
    [
        (one("job"), "; it still runs, and is stopped first: it is taken for one that runs once and ends"),
        (one("job", fronted=True), "; it takes no calls any more: from the switch on they are refused"),
    ],
)
def test_one_that_runs_once_is_no_surprise_to_who_had_it_running(there: Container, words: str) -> None:
    edge = RunningEdge(one("edge"), {}, Carried({}, {"job": (Server("job", "10.0.0.1"),)}))
    said = explained(Change("job", "recreate", "its image changed"), LAYOUT, Board((there,), (edge,)))
    assert (said.reason, said.noticed) == (f"its image changed{words}", True)


def test_a_service_that_comes_back_while_it_ends_is_not_called_unreached() -> None:
    change, there = Change("web", "create", "not there yet"), one("web", fronted=True)
    assert explained(change, LAYOUT, Board((there,))).reason == "no edge leads to its containers"
    assert explained(change, LAYOUT, Board((there,), leaving=frozenset({"web"}))).reason == "it was about to go"


def test_an_edge_that_is_made_while_the_one_before_it_ends_cuts_what_is_under_way() -> None:
    ending = RunningEdge(one("windlass-edge"), {"name": "windlass-edge", "services": ["web"]}, Carried({}, {}))
    edge = Edge("windlass-edge", ("web",), {}, ())
    (said,) = edge_changes([edge], Board((), (ending,), leaving=frozenset({"windlass-edge"})), LAYOUT, {})
    assert said == Change(
        "windlass-edge", "recreate", "it was about to go; requests that are still under way through it are cut", True
    )
    assert cut("windlass-edge", Board((), (ending,))) == ""
