"""Which places at an edge are emptied before a switch, and which of them take no address yet."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.deploy.test_containers import one

from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.edge.board import Board
from windlass.deploy.docker.edge.commands import Serving
from windlass.deploy.docker.edge.render import Carried, Server
from windlass.deploy.docker.places import homeless, vacated

ONE, TWO = Server("a" * 64, "10.0.0.2"), Server("b" * 64, "10.0.0.3")


def carried(*servers: Server | None) -> Carried:
    return Carried({"web": {80: "http"}}, {"web": servers})


def runs(server: Server, address: str = "10.0.0.9") -> Container:
    return replace(one(), id=server.id, addresses=(("front", address),) if address else ())


def drained(server: Server) -> Server:
    return replace(server, state="drain")


def test_a_container_that_is_gone_has_no_place() -> None:
    assert vacated(carried(drained(ONE), TWO), Board((runs(TWO),))) == carried(None, TWO)


def test_one_before_that_has_ended_has_none_either_and_one_that_runs_keeps_its_connections() -> None:
    both = carried(drained(ONE), TWO)
    assert vacated(both, Board((runs(ONE, ""), runs(TWO)))) == carried(None, TWO)
    assert vacated(both, Board((runs(ONE), runs(TWO)))) == both


def test_one_that_serves_and_is_down_for_a_moment_keeps_its_place() -> None:
    assert vacated(carried(ONE), Board((runs(ONE, ""),))) == carried(ONE)


def test_places_are_waited_for_until_they_have_an_address_on_both_ways_to_a_port() -> None:
    said = {
        "web_80_http/s1": Serving("-", 0x21),
        "web_80_tcp/s1": Serving("10.0.0.7", 1),
        "web_80_http/s2": Serving("-", 0),
    }
    assert homeless(carried(None, TWO, None), said) == ["web_80_http/s1"]
