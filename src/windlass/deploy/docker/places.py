"""Making room at the edges before a switch.

A place whose container is gone has a name that nobody resolves. HAProxy then takes its address away, and refuses a new one
("set server addr") until a name is resolved, which takes up to a second: the container that comes to this place would get no
request so long, while those before it get none any more.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from windlass.deploy.docker.edge.board import Board
from windlass.deploy.docker.edge.client import EdgeClient
from windlass.deploy.docker.edge.commands import Serving
from windlass.deploy.docker.edge.render import Carried, backends
from windlass.deploy.docker.site import Site
from windlass.errors import DeploymentFailed
from windlass.waiting import DeadlinePassed, wait_for

_RESOLVED = 3.0
_NO_ADDRESS = "-"


class Places:
    """The places of one environment's edges."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._emptied: dict[str, Carried] = {}

    def empty(self, board: Board) -> Board:
        """Empty the places of containers that are gone, so that their names are not asked for any more; what an edge leads to
        does not change. An edge that does not answer is left to the switch.

        Returns:
            The board as it is then.
        """
        moves = [(e, after) for e in board.edges if e.container.status == "running" and (after := vacated(e.carried, board)) != e.carried]  # fmt: skip
        if not moves:
            return board
        try:
            self._site.edges.apply(moves)
        except DeploymentFailed:
            return board
        self._emptied |= {edge.container.id: after for edge, after in moves}
        return self._site.board()

    def wait(self, board: Board) -> None:
        """Wait until the emptied places take addresses again: most often they do by now. Without an answer, nobody waits for
        long: what is wrong then is seen at the switch."""
        ids = {edge.container.id for edge in board.edges}
        for id, carried in self._emptied.items():
            if id in ids:
                client = EdgeClient(id, docker=self._site.docker)
                with suppress(DeadlinePassed, DeploymentFailed):
                    wait_for(
                        lambda c=client, a=carried: not homeless(a, c.servers()),  # type: ignore[misc]
                        bool,
                        seconds=_RESOLVED,
                        every=0.1,
                        clock=self._site.clock,
                    )
        self._emptied = {}


def vacated(carried: Carried, board: Board) -> Carried:
    """What an edge carries, without containers that are gone, and without ones before that have ended."""
    there = {c.id for c in board.services}
    ended = {c.id for c in board.services if not c.addresses}
    slots = {
        service: tuple(
            None if s is None or s.id not in there or (s.state == "drain" and s.id in ended) else s for s in places
        )
        for service, places in carried.slots.items()
    }
    return replace(carried, slots=slots)


def homeless(carried: Carried, servers: dict[str, Serving]) -> list[str]:
    """The empty places, as `backend/server`, that HAProxy has no address for."""
    return [
        name
        for service, ports in carried.ports.items()
        for number, server in enumerate(carried.slots.get(service, ()), 1)
        for port, mode in ports.items()
        for backend in backends(service, port, mode)
        if server is None and (there := servers.get(name := f"{backend}/s{number}")) and there.address == _NO_ADDRESS
    ]
