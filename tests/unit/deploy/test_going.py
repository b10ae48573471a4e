"""Services that a release no longer has: which give way to what is new, which serve until it has proved well, and what of it
is said beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.deploy.test_containers import one
from tests.unit.deploy.test_edge_reuse import layout, service

from windlass.deploy.docker.announcing import explained
from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.edge.allocate import Edge, allocate
from windlass.deploy.docker.edge.board import Board, RunningEdge, carry
from windlass.deploy.docker.edge.compose import to_document
from windlass.deploy.docker.edge.layout import RUNS_ONCE, Fronted, Layout, Publication
from windlass.deploy.docker.edge.lingering import closed, lingering, roomy, serves_only
from windlass.deploy.docker.edge.render import Carried, Server
from windlass.deploy.docker.edge.reuse import Claims
from windlass.deploy.docker.edge.tls import Tls
from windlass.deploy.docker.going import early, gives_way
from windlass.deploy.interface import Change

NOTHING = Claims()
OWNS = "it owns the volume data"
LAYOUT = Layout(
    {"web": service("web", 80, "8000"), "new": service("new", 81)},
    {"store": OWNS, "other": OWNS, "job": RUNS_ONCE},
    frozenset({"worker"}),
)
REMOVED = Change("db", "remove", "the release does not have it")


def in_place(name: str, *ports: int) -> Container:
    held = tuple((80, "tcp", "0.0.0.0", port) for port in ports)
    return replace(one(), id=f"id of {name}", service=name, key=name, ports=held, fronted=False, worker=False, edge="")


@pytest.mark.parametrize(
    ("change", "makes_way"),
    [
        (Change("store", "create", "not there yet"), True),  # it may be the same under another name
        (Change("other", "recreate", "its configuration changed"), True),
        (Change("new", "create", "not there yet"), True),
        (Change("other", "keep"), False),
        (Change("web", "recreate", "its image changed"), False),
        (Change("web", "create", "it is still starting"), False),
        (Change("job", "create", "not there yet"), False),
        (Change("worker", "create", "not there yet"), False),
    ],
)
def test_what_stands_in_place_goes_before_what_may_need_what_it_holds(change: Change, makes_way: bool) -> None:
    board = Board((in_place("db"), in_place("other"), replace(in_place("web"), fronted=True)))
    changes = [REMOVED, *(Change(n, "keep") for n in ("other", "web") if n != change.service), change]
    assert gives_way(changes, LAYOUT, board, NOTHING) == ({"db"} if makes_way else set())


def test_a_port_or_a_name_that_another_service_takes_is_given_up_before() -> None:
    board = Board((in_place("db", 9000),))
    for claimed in (Claims((Publication(80, "8999-9001"),)), Claims(names={"default": frozenset({"db"})})):
        assert gives_way([REMOVED], LAYOUT, board, claimed) == {"db"}
    assert gives_way([REMOVED], LAYOUT, board, Claims((Publication(80, "9100"),))) == set()


def test_one_that_is_about_to_go_already_does_so_before_its_port_is_needed() -> None:
    board = replace(Board((in_place("db", 9000),)), leaving=frozenset({"id of db"}))
    assert gives_way([], LAYOUT, board, Claims((Publication(80, "9000"),))) == {"db"}


def test_one_that_comes_back_while_it_is_about_to_go_does_not_stay() -> None:
    board, back = Board((in_place("db", 9000),)), [Change("db", "create", "not there yet")]
    assert gives_way(back, LAYOUT, board, NOTHING) == set()
    assert gives_way(back, LAYOUT, replace(board, leaving=frozenset({"id of db"})), NOTHING) == {"db"}


def test_one_whose_tls_ends_at_an_edge_that_is_made_anew_goes_with_its_certificate() -> None:
    board = running(WEB, OLD)
    (there,) = board.edges
    tls = {"old": {81: Tls("plain")}}
    board = replace(board, edges=(replace(there, carried=replace(there.carried, tls=tls)),))
    changes = [Change("web", "recreate", "its configuration changed"), Change("old", "remove", "")]
    for fronted, when in ((WEB, ""), (service("web", 80, "8000", "8010"), "at the switch")):
        after = layout(fronted)
        assert early(changes, allocate(after.fronted, board.carrier), after, board, {}).get("old", "") == when


def test_an_edge_that_should_be_gone_and_leads_nowhere_is_stuck() -> None:
    board = running(OLD)
    (there,) = board.edges
    empty = replace(board, edges=(replace(there, carried=Carried({}, {})),))
    late = frozenset({"windlass-edge"})
    assert [c.id for c in replace(empty, leaving=late, overdue=late).stuck] == ["windlass-edge"]
    assert replace(board, leaving=late, overdue=late).stuck == []
    assert empty.stuck == []


def running(*services: Fronted) -> Board:
    """Behind one edge, as far as that is possible."""
    fronted = {one.service: one for one in services}
    containers = tuple(
        replace(one(), id=f"id of {name}", service=name, key=name, fronted=True, addresses=(("default", "10.0.0.9"),))
        for name in fronted
    )
    edges = tuple(
        RunningEdge(
            replace(one(), id=e.name, edge="{}"),
            to_document(e),
            carry(e, fronted, None, {n: [c for c in containers if c.service == n] for n in e.services}),
        )
        for e in allocate(fronted, {})
    )
    return Board(containers, edges)


WEB, OLD = service("web", 80, "8000"), service("old", 81, "8001")


@pytest.mark.parametrize(
    ("after", "services", "when"),
    [
        (layout(WEB), {}, ""),
        (layout(WEB, service("new", 90, "8001")), {}, "at the switch"),
        (layout(WEB, service("new", 90, names=("old",))), {}, "at the switch"),
        (layout(service("web", 81, "8000")), {}, "at the switch"),  # the port in the edge's own container
        (
            replace(layout(WEB), in_place={"db": OWNS}),
            {"db": {"ports": [{"target": 5, "published": "8001"}]}},
            "at the switch",
        ),
    ],
)
def test_one_behind_an_edge_serves_on_unless_its_port_is_taken(
    after: Layout, services: Mapping[str, Any], when: str
) -> None:
    board = running(WEB, OLD)
    edges = allocate(after.fronted, board.carrier)
    changes = [Change("web", "keep"), Change("old", "remove", "the release does not have it")]
    assert early(changes, edges, after, board, services).get("old", "") == when


def test_one_that_goes_is_said_to_be_refused_from_then_on() -> None:
    board = Board((in_place("db"),))
    later = explained(REMOVED, LAYOUT, board)
    before = explained(REMOVED, LAYOUT, board, {"db": "before"})
    assert later.noticed and "once the release has proved well, calls to it are refused" in later.reason
    assert before.noticed and "before what is new serves" in before.reason
    assert not explained(REMOVED, LAYOUT, Board((replace(in_place("db"), worker=True),))).noticed


def test_a_service_that_becomes_a_worker_is_said_to_take_no_calls_any_more() -> None:
    said = explained(
        Change("worker", "recreate", "its configuration changed"), LAYOUT, running(service("worker", 80, "8000"))
    )
    assert said.noticed and "takes no calls any more" in said.reason


SLOT = (Server("a" * 12, "10.0.0.1"),)
CARRIED = Carried(
    {"web": {80: "http"}, "old": {81: "http"}},
    {"web": SLOT, "old": SLOT},
    routes={443: {"old.example.org": ("old", 81), "web.example.org": ("web", 80)}, 444: {"*": ("old", 81)}},
)
AFTER = Carried({"web": {80: "http"}}, {"web": SLOT}, routes={443: {"web.example.org": ("web", 80)}})


def test_an_edge_carries_what_goes_until_it_is_closed() -> None:
    both = lingering(CARRIED, AFTER, {"old"})
    assert (both.ports, both.slots, both.routes) == (CARRIED.ports, CARRIED.slots, CARRIED.routes)
    assert closed(both, {"old"}) == AFTER
    assert lingering(CARRIED, AFTER, ()) == AFTER


def test_a_port_that_is_needed_is_not_kept_for_what_goes() -> None:
    after = Carried({"web": {81: "http"}}, {"web": SLOT})
    assert lingering(replace(CARRIED, routes={81: {"x": ("old", 81)}}), after, {"old"}) == after


def test_an_edge_serves_only_what_goes_where_it_leads_nowhere_else() -> None:
    alone = Carried({"old": {81: "http"}}, {}, routes={443: {"x": ("old", 81)}})
    assert serves_only(alone, {"old", "older"})
    assert not serves_only(CARRIED, {"old"})
    assert not serves_only(replace(alone, routes={443: {"x": ("web", 80)}}), {"old"})
    assert not serves_only(Carried({}, {}), {"old"})


def test_an_edge_that_is_made_anew_has_room_for_what_goes_but_not_what_others_need() -> None:
    board = running(WEB, OLD)
    (there,) = board.edges
    (edge,) = allocate({"web": service("web", 80, "8000", "8010")}, board.carrier)
    made = roomy(edge, there, {"old"}, NOTHING)
    assert {p.published for p in made.published} == {"8000", "8010", "8001"}
    assert made.networks == {"default": ("old", "web")}
    claimed = Claims((Publication(9, "8001"),), {"default": frozenset({"old"})})
    assert roomy(edge, there, {"old"}, claimed) == edge
    assert isinstance(edge, Edge)
