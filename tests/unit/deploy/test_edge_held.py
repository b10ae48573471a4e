"""Two environments on one engine want one port: said before anything is touched, with what to do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from windlass import process
from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.edge.allocate import Edge
from windlass.deploy.docker.edge.board import Board, RunningEdge
from windlass.deploy.docker.edge.compose import to_document
from windlass.deploy.docker.edge.held import parse_holders, refuse_held
from windlass.deploy.docker.edge.layout import Publication
from windlass.deploy.docker.edge.render import Carried, render
from windlass.errors import DeploymentFailed

THEIRS = Edge("windlass-edge", ("web", "api"), {}, (Publication(80, "8000"), Publication(81, "8001")))
LINE = "\t".join(("f00", "shop-staging-windlass-edge-1", "shop-staging", "staging", json.dumps(to_document(THEIRS))))
EMPTY = Board(())


class Listing:
    """An engine with the edge of `staging`, which carries port 80 alone."""

    asked = 0

    def run(self, argv: Sequence[str], *, input: str | None = None) -> process.Completed:
        self.asked += 1
        carried = Carried({"web": {80: "http"}}, {"web": ()})
        said = LINE + "\n" if argv[1] == "ps" else render(carried, generation="g").partition("\n")[0] + "\n"
        return process.Completed(tuple(argv), 0, said, "")


def refused(port: str, project: str = "shop-production", board: Board = EMPTY) -> DeploymentFailed:
    docker: Any = Listing()
    with pytest.raises(DeploymentFailed) as caught:
        refuse_held([Publication(5, port)], board, project, docker)
    assert not caught.value.blames
    return caught.value


def test_a_port_that_the_other_needs_is_theirs() -> None:
    error = refused("8000")
    assert error.message == "port 8000 is published by the environment staging on the same engine"
    assert "port_offset" in (error.remedy or "")


def test_a_port_that_nothing_there_needs_any_more_can_be_given_up() -> None:
    error = refused("8001")
    assert error.message.startswith("port 8001 is still taken by the edge of the environment staging, where nothing")
    assert "docker rm --force shop-staging-windlass-edge-1, and deploy staging again" in (error.remedy or "")


@pytest.mark.parametrize("port", ["8002", "", "9000-9010"])
def test_other_ports_are_free(port: str) -> None:
    docker: Any = Listing()
    refuse_held([Publication(5, port)], EMPTY, "shop-production", docker)


def test_ports_of_this_environment_are_its_own_and_nobody_is_asked_for_those_it_has() -> None:
    docker: Any = Listing()
    refuse_held([Publication(5, "8000")], EMPTY, "shop-staging", docker)
    asked = docker.asked
    container: Any = Container.__new__(Container)
    board = Board((), (RunningEdge(container, to_document(THEIRS), Carried({}, {})),))
    refuse_held(THEIRS.published, board, "shop-production", docker)
    assert docker.asked == asked == 1


@pytest.mark.parametrize(
    "line", ["", "f00", "f00\tname\tproject\tstaging\tnonsense", 'f\tn\tp\te\t{"published": [[1]]}']
)
def test_a_line_that_says_nothing_of_use_is_left_out(line: str) -> None:
    assert parse_holders(line + "\n" + LINE)[-1].name == "shop-staging-windlass-edge-1"
    assert len(parse_holders(line + "\n" + LINE)) == 1
