"""The edges of one environment: what they carry, remembered and asked for, and brought to carry something else."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.edge.board import Board, RunningEdge, made_for
from windlass.deploy.docker.edge.client import EdgeClient
from windlass.deploy.docker.edge.commands import Tally
from windlass.deploy.docker.edge.render import Carried, from_document, to_document
from windlass.errors import DeploymentFailed


@dataclass(frozen=True, slots=True)
class Memo:
    """What is kept in a file so that not every look has to ask the edges, and what they cannot know.

    `carried` maps an edge's container id to what it carries; `since` a container's id to when it was last given requests
    (seconds since 1970); `leaving` are ids of containers that are about to go.
    """

    carried: Mapping[str, Carried] = field(default_factory=dict)
    since: Mapping[str, float] = field(default_factory=dict)
    leaving: frozenset[str] = frozenset()


class Edges:
    """Args: file: where the memo is kept."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def board(self, there: Iterable[Container], *, ask: bool = False) -> Board:
        """What runs, told apart. With `ask`, every edge is asked what it carries, and not the memo."""
        memo, every = self.read(), list(there)
        edges = [
            RunningEdge(container, made_for(container), self._carried(container, memo, ask))
            for container in every
            if container.edge
        ]
        return Board(tuple(c for c in every if not c.edge), tuple(edges), memo.leaving)

    def _carried(self, container: Container, memo: Memo, ask: bool) -> Carried:
        nothing = Carried({}, {})
        if not ask and container.id in memo.carried:
            return memo.carried[container.id]
        if container.status != "running":
            return memo.carried.get(container.id, nothing)
        try:
            return EdgeClient(container.id).carried() or nothing
        except DeploymentFailed:
            return memo.carried.get(container.id, nothing)

    def apply(self, changes: Sequence[tuple[RunningEdge, Carried]]) -> None:
        """Bring edges to carry something else. Raises DeploymentFailed."""
        for edge, after in changes:
            EdgeClient(edge.container.id).apply(edge.carried, after)
        memo = self.read()
        gone = {
            server.id
            for edge, after in changes
            for service, slots in edge.carried.slots.items()
            for server in slots
            if server is not None and server.state == "ready"
            if server.id not in {one.id for one in after.ready(service)}
        }
        now = time.time()
        self.write(
            Memo(
                {**memo.carried, **{edge.container.id: after for edge, after in changes}},
                {**memo.since, **dict.fromkeys(gone, now)},
                memo.leaving,
            )
        )

    def tally(self, board: Board) -> dict[str, Tally]:
        """Container id → what it has answered through the edges."""
        found: dict[str, Tally] = {}
        for edge in board.edges:
            found |= EdgeClient(edge.container.id).tally(edge.carried)
        return found

    def idle_for(self, id: str) -> float:
        """Seconds since a container was last given requests."""
        return max(0.0, time.time() - self.read().since.get(id, 0.0))

    def note_leaving(self, ids: Iterable[str], there: Iterable[Container]) -> None:
        """Note which containers are about to go; those that are gone are forgotten."""
        memo, known = self.read(), {container.id for container in there}
        self.write(
            Memo(
                {id: carried for id, carried in memo.carried.items() if id in known},
                {id: when for id, when in memo.since.items() if id in known},
                frozenset((memo.leaving | set(ids)) & known),
            )
        )

    def read(self) -> Memo:
        try:
            document = json.loads(self._file.read_text())
            return Memo(
                {id: from_document(carried) for id, carried in document["carried"].items()},
                {id: float(when) for id, when in document["since"].items()},
                frozenset(document["leaving"]),
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError, IndexError, AttributeError):
            return Memo()

    def write(self, memo: Memo) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        document: dict[str, Any] = {
            "carried": {id: to_document(carried) for id, carried in memo.carried.items()},
            "since": dict(memo.since),
            "leaving": sorted(memo.leaving),
        }
        draft = self._file.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(document, sort_keys=True))
        draft.replace(self._file)
