"""An edge that runs goes on as it is, unless it lacks something, or would let somebody in who has no business there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.deploy.test_containers import one

from windlass.deploy.docker.announcing import edge_changes
from windlass.deploy.docker.edge.allocate import allocate
from windlass.deploy.docker.edge.board import Board, RunningEdge, carry
from windlass.deploy.docker.edge.compose import to_document
from windlass.deploy.docker.edge.layout import Fronted, Layout, Publication
from windlass.deploy.docker.edge.reuse import overlap
from windlass.deploy.interface import Change


def service(name: str, port: int, *published: str, names: tuple[str, ...] = (), network: str = "default") -> Fronted:
    return Fronted(name, {port: "http"}, tuple(Publication(port, p) for p in published), {network: (name, *names)})


def layout(*services: Fronted) -> Layout:
    return Layout({one.service: one for one in services})


def told(before: Layout, after: Layout, model: dict[str, Any] | None = None) -> list[tuple[str, str, str]]:
    """What the plan says of edges, where those for `before` run."""
    container = one()
    edges = allocate(before.fronted, {})
    board = Board((), tuple(RunningEdge(container, to_document(e), carry(e, before.fronted, None, {})) for e in edges))
    wanted = allocate(after.fronted, board.carrier)
    return [(c.service, c.action, c.reason) for c in edge_changes(wanted, board, after, model or {})]


WEB, API = service("web", 80, "8000"), service("api", 81, "8001", names=("backend",))


def test_a_service_that_goes_closes_its_port_and_cuts_nobody_else() -> None:
    assert told(layout(WEB, API), layout(WEB)) == [
        (
            "windlass-edge",
            "update",
            "port 8001 closed, no connection of others is cut; it stays taken on the engine until the edge is made anew",
        )
    ]
    many = service("api", 81, "8001", "8002")
    ((_, _, reason),) = told(layout(WEB, many), layout(WEB))
    assert reason.startswith("ports 8001, 8002 closed") and "they stay taken" in reason


def test_a_port_that_is_closed_already_is_not_told_again() -> None:
    container = one()
    (made,) = allocate(layout(WEB, API).fronted, {})
    after = layout(WEB)
    (left,) = allocate(after.fronted, {"web": made.name})
    board = Board((), (RunningEdge(container, to_document(made), carry(left, after.fronted, None, {})),))
    assert edge_changes((left,), board, after, {}) == []
    again = layout(WEB, API)  # and it comes back as it was, without a cut
    assert edge_changes(allocate(again.fronted, board.carrier), board, again, {}) == []


def test_an_edge_that_was_stopped_is_no_edge_as_declared() -> None:
    (made,) = allocate(layout(WEB).fronted, {})
    stopped = replace(one(), status="exited")
    board = Board((), (RunningEdge(stopped, to_document(made), carry(made, layout(WEB).fronted, None, {})),))
    assert edge_changes((made,), board, layout(WEB), {}) == [
        Change("windlass-edge", "recreate", "it is exited: nobody reaches web through it")
    ]


def test_a_service_that_nobody_publishes_goes_unsaid() -> None:
    assert told(layout(WEB, service("api", 81)), layout(WEB)) == []


def test_a_port_is_not_left_open_where_other_services_go_on_asking() -> None:
    ((_, action, reason),) = told(layout(WEB), layout(service("web", 80)))
    assert (action, reason) == ("recreate", "port 8000 is gone; its connections are cut for about a second")
    ((_, action, reason),) = told(layout(WEB), layout(service("web", 80, "9000")))
    assert action == "recreate" and reason.startswith("port 9000 is new, port 8000 is gone;")


@pytest.mark.parametrize(
    ("entry", "anew"),
    [
        ({"target": 5, "published": "8001", "protocol": "tcp"}, True),
        ({"target": 5, "published": "8000-8003"}, True),
        ({"target": 5, "published": "8001", "protocol": "udp"}, False),
        ({"target": 5, "published": "8002"}, False),
    ],
)
def test_a_port_that_a_service_in_place_wants_is_given_up(entry: dict[str, Any], anew: bool) -> None:
    model = {"web": {}, "store": {"ports": [entry], "networks": {"default": None}}}
    ((_, action, reason),) = told(layout(WEB, API), layout(WEB), model)
    assert action == ("recreate" if anew else "update")
    assert ("port 8001 goes to another service" in reason) is anew


def test_a_port_that_another_edge_is_to_publish_is_given_up() -> None:
    after = layout(WEB, service("store", 80, "8001"))  # the same port in its container: an edge of its own
    assert ("recreate", "port 8001 goes to another service; its connections are cut for about a second") in [
        (action, reason) for _, action, reason in told(layout(WEB, API), after)
    ]


def test_a_name_that_somebody_else_answers_to_is_given_up() -> None:
    private = service("api", 81, names=("backend",))
    store = {"networks": {"default": {"aliases": ["backend"]}}}
    ((_, action, reason),) = told(layout(WEB, private), layout(WEB), {"web": {}, "store": store})
    assert action == "recreate" and reason.startswith("the name backend goes to another service;")
    elsewhere = {"networks": {"other": {"aliases": ["backend"]}}}
    assert told(layout(WEB, private), layout(WEB), {"web": {}, "store": elsewhere}) == []


def test_other_names_and_networks_need_another_edge() -> None:
    renamed = service("web", 80, "8000", names=("front",))
    ((_, action, reason),) = told(layout(WEB), layout(renamed))
    assert action == "recreate" and reason.startswith("it gets other names or networks")
    moved = service("web", 80, "8000", network="inner")
    ((_, action, _),) = told(layout(WEB), layout(moved))
    assert action == "recreate"


def test_what_has_left_a_network_is_not_reached_from_there_any_more() -> None:
    both = Fronted("web", {80: "http"}, (), {"default": ("web",), "inner": ("web",)})
    ((_, action, reason),) = told(layout(both), layout(service("web", 80)))
    assert action == "recreate" and reason.startswith("it gets other names or networks")


@pytest.mark.parametrize(
    ("one", "other", "in_the_way"),
    [
        (("80", ""), ("80", "127.0.0.1"), True),
        (("80", "10.0.0.1"), ("80", "10.0.0.2"), False),
        (("80-85", ""), ("83", "::"), True),
        (("80-85", ""), ("86", ""), False),
        (("", ""), ("", ""), False),
    ],
)
def test_ports_are_in_each_others_way_where_numbers_and_addresses_meet(
    one: tuple[str, str], other: tuple[str, str], in_the_way: bool
) -> None:
    assert overlap(Publication(1, *one), Publication(2, *other)) is in_the_way
    assert overlap(Publication(2, *other), Publication(1, *one)) is in_the_way
