"""Looking at what runs in an environment: which containers serve, where they are reached, how they fare and what they say."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import replace

from windlass.deploy.docker import logs, naming
from windlass.deploy.docker.containers import endpoints, to_state, worst
from windlass.deploy.docker.edge import compose as edge_compose
from windlass.deploy.docker.edge.board import Board
from windlass.deploy.docker.edge.commands import Tally
from windlass.deploy.docker.edge.judge import Look
from windlass.deploy.docker.ending import Ending
from windlass.deploy.docker.fence import Fence, Seen
from windlass.deploy.docker.site import Site
from windlass.deploy.interface import LogLine
from windlass.errors import EngineUnavailable
from windlass.model.observation import Endpoint, Observation

_FRESH = 1.0
_EVIDENCE_LINES = 30


class Looking:
    """Args: project: the name of the project that the environment is of."""

    def __init__(self, site: Site, fence: Fence, ending: Ending, *, project: str) -> None:
        self._site = site
        self._fence = fence
        self._ending = ending
        self._project = project
        self._late: tuple[float, Observation] | None = None
        self._one_looks = threading.Lock()

    def board(self) -> Board:
        """What runs; the edges themselves are asked where somebody else was the last to change them."""
        return self._site.board(ask=self._fence.overtaken())

    def own_board(self) -> Board:
        """What runs. Raises ConfigError: it is another environment's."""
        board = self.board()
        naming.refuse_others(self._project, self._site.environment.name, (c.owner for c in board.containers))
        return board

    def observe(self) -> Observation:
        """What runs now; what should have ended by now is seen to."""
        overtaken = self._fence.overtaken()
        board = self._site.board(ask=overtaken)
        self._ending.catch_up(board)
        seen = self._fence.read()
        # What this machine remembers is not what somebody else has deployed since.
        return self.observation(
            board, replace(seen, lasting=()) if overtaken else seen, first=not seen.lasting and not overtaken
        )

    def observation(self, board: Board, seen: Seen, *, first: bool = False) -> Observation:
        """What serves on a board. It is remembered for a moment, for `endpoint`.

        Args:
            first: nothing was ever switched to: what has started is there, though no edge leads to it yet.
        """
        host = self._site.docker.host()
        carrier = board.carrier
        states = []
        served = worst(board.current)
        # They served, and an edge that was removed by hand took their ports with it.
        left = (c for c in board.services if c.service not in served and c.fronted and c.id not in board.leaving)
        unreached = worst(c for c in left if first or seen.release_of(c.service, c.config_hash))
        for service, container in sorted((served | unreached).items()):
            state = to_state(container, release=seen.release_of(service, container.config_hash), engine_host=host)
            edge = board.edge(carrier.get(service, ""))
            if container.fronted and edge is not None and edge.container.status == "running":
                mine = edge.carried.ports.get(service, {})
                ports = tuple((p, at) for p, at in endpoints(edge.container, host) if p in mine)
                state = replace(state, ports=ports)
            elif container.fronted and state.well:
                why = f"the edge that leads to it is {edge.container.status}" if edge else "no edge leads to it"
                state = replace(state, health="unhealthy", detail=why, ports=())
            states.append(state)
        known = served.keys() | {c.service for c in board.services if c.id not in board.leaving}
        found = Observation(tuple(states), tuple(name for name in seen.lasting if name not in known))
        self._late = (self._site.clock.now(), found)
        return found

    def forget(self) -> None:
        """What was seen is about to change."""
        self._late = None

    def endpoint(self, service: str, port: int) -> Endpoint | None:
        """As `Target.endpoint`."""
        state = self._lately().service(service)
        if state is None:
            return None
        if port == 0:
            return state.ports[0][1] if len(state.ports) == 1 else None
        return dict(state.ports).get(port)

    def _lately(self) -> Observation:
        """What runs, or ran a moment ago: a suite asks where services are, many times and side by side."""
        with self._one_looks:
            late = self._late
            fresh = late is not None and self._site.clock.now() - late[0] <= _FRESH
            return late[1] if late is not None and fresh else self.observe()

    def logs(self, service: str | None, *, tail: int, follow: bool, on_line: Callable[[LogLine], None]) -> None:
        """As `Target.logs`."""
        board = self.board()
        there = [c for c in board.services if service in (None, c.service) and c.id not in board.drained]
        if not follow:
            logs.recent(there, tail, on_line, self._site.docker)
            return

        def hear(line: str) -> None:
            if (parsed := logs.parse_followed(line)) is not None:
                on_line(LogLine(edge_compose.service_of(parsed.service), parsed.text))

        self._site.docker.stream(logs.follow_command(self._site.name, sorted({c.key for c in there}), tail), hear)

    def fares(self, services: Collection[str], *, tallied: bool) -> dict[str, Look]:
        """What each of these services has answered, and how often it was restarted.

        Args:
            tallied: otherwise the edges are not asked what was answered.
        """
        board = self._site.board()
        tallies = self._site.edges.tally(board) if board.edges and tallied else {}
        found = {}
        for service in services:
            if not (mine := board.serving(service)):
                continue
            found[service] = Look(
                {c.id: c.restarts for c in mine},
                {c.id: c.state for c in mine},
                sum((tallies.get(c.id, Tally()) for c in mine), Tally()),
                sum(
                    (tallies.get(c.id, Tally()) for c in board.services if c.service == service and c not in mine),
                    Tally(),
                ),
            )
        return found

    def evidence(self, service: str, reason: str) -> tuple[str, ...]:
        """What is wrong with a service, and the last lines of its log."""
        try:
            mine = self._site.board().serving(service)
            lines = self._site.docker.tail(mine[0].id, _EVIDENCE_LINES) if mine else []
        except EngineUnavailable as error:  # the verdict stands without it
            return (reason, error.message)
        return (
            reason,
            f"last {len(lines)} log lines:" if lines else "it wrote no log",
            *(f"  {line}" for line in lines),
        )
