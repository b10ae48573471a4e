"""The edges of one environment: what they carry, remembered and asked for, and brought to carry something else."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.edge.board import Board, RunningEdge, made_for
from windlass.deploy.docker.edge.client import EdgeClient
from windlass.deploy.docker.edge.commands import Tally
from windlass.deploy.docker.edge.render import Carried, from_document, to_document
from windlass.deploy.docker.engine import USERS, Docker
from windlass.errors import DeploymentFailed


@dataclass(frozen=True, slots=True)
class Memo:
    """What is kept in a file so that not every look has to ask the edges, and what they cannot know.

    `carried` maps an edge's container id to what it carries; `since` a container's id to when it was last given requests
    (seconds since 1970); `leaving` the id of a container that is about to go to when it should be gone; `stopping` the same
    of one that somebody stops and waits for: where that never reached the engine, it stays.
    """

    carried: Mapping[str, Carried] = field(default_factory=dict)
    since: Mapping[str, float] = field(default_factory=dict)
    leaving: Mapping[str, float] = field(default_factory=dict)
    stopping: Mapping[str, float] = field(default_factory=dict)

    def going(self, now: float) -> frozenset[str]:
        """Containers that are not counted on."""
        return frozenset(self.leaving) | {id for id, due in self.stopping.items() if now <= due + _LATE}

    def overdue(self, now: float) -> frozenset[str]:
        """Containers that should be gone: whoever was to end them has not."""
        return frozenset(id for id, due in self.leaving.items() if due + _LATE < now)


_LATE = 120.0
"""Seconds that an engine may take longer than it should."""
_UNTOLD = 3600.0
"""Seconds from when a memo was written to when those were gone of which it does not say when, as older versions did not."""
_SIDE_BY_SIDE = 8

_T = TypeVar("_T")
_U = TypeVar("_U")


class Edges:
    """Args: file: where the memo is kept; docker: the engine they are on; now: seconds since 1970."""

    def __init__(self, file: Path, docker: Docker = USERS, *, now: Callable[[], float] = time.time) -> None:
        self._file = file
        self._docker = docker
        self._now = now
        self._sure: dict[str, Carried] = {}  # what edges were seen to do, by this very process

    def board(self, there: Iterable[Container], *, ask: bool = False) -> Board:
        """What runs, told apart. With `ask`, every edge is asked what it carries, and not the memo."""
        memo, every = self.read(), list(there)
        # One that was made, and never started, by somebody who was interrupted there comes after the one that runs.
        made = sorted((c for c in every if c.edge), key=lambda c: c.status != "running")
        edges = _at_once(lambda container: self._edge(container, memo, ask), made)
        heard = {edge.container.id: edge.carried for edge in edges if edge.sure}
        if ask and any(memo.carried.get(id) != carried for id, carried in heard.items()):
            self.write(replace(memo, carried={**memo.carried, **heard}))
        return Board(
            tuple(c for c in every if not c.edge), tuple(edges), memo.going(self._now()), memo.overdue(self._now())
        )

    def _edge(self, container: Container, memo: Memo, ask: bool) -> RunningEdge:
        remembered = memo.carried.get(container.id)
        if container.status != "running" or (remembered is not None and not ask):
            carried = remembered or Carried({}, {})
            return RunningEdge(container, made_for(container), carried, self._sure.get(container.id) == carried)
        try:
            said, sure = EdgeClient(container.id, docker=self._docker).ask()
        except DeploymentFailed:
            said, sure = None, False
        carried = said or remembered or Carried({}, {})
        if sure:
            self._sure[container.id] = carried
        else:
            self._sure.pop(container.id, None)
        return RunningEdge(container, made_for(container), carried, sure)

    def apply(self, changes: Sequence[tuple[RunningEdge, Carried]]) -> None:
        """Bring edges to carry something else, all at once; one that is sure to do that already is not spoken to.

        Raises DeploymentFailed.
        """
        changes = [(edge, after) for edge, after in changes if not (edge.sure and edge.carried == after)]
        if not changes:
            return
        for edge, _ in changes:
            self._sure.pop(edge.container.id, None)
        _at_once(
            lambda one: EdgeClient(one[0].container.id, docker=self._docker).apply(one[0].carried, one[1]), changes
        )
        self._sure |= {edge.container.id: after for edge, after in changes}
        memo = self.read()
        gone = {
            server.id
            for edge, after in changes
            for service, slots in edge.carried.slots.items()
            for server in slots
            if server is not None and server.state == "ready"
            if server.id not in {one.id for one in after.ready(service)}
        }
        now = self._now()
        self.write(
            replace(
                memo,
                carried={**memo.carried, **{edge.container.id: after for edge, after in changes}},
                since={**memo.since, **dict.fromkeys(gone, now)},
            )
        )

    def tally(self, board: Board) -> dict[str, Tally]:
        """Container id → what it has answered through the edges."""
        found: dict[str, Tally] = {}
        for tally in _at_once(
            lambda edge: EdgeClient(edge.container.id, docker=self._docker).tally(edge.carried),
            [edge for edge in board.edges if not board.ends(edge)],
        ):
            found |= tally
        return found

    def idle_for(self, id: str) -> float:
        """Seconds since a container was last given requests."""
        return max(0.0, self._now() - self.read().since.get(id, 0.0))

    def note_leaving(self, due: Mapping[str, float], there: Iterable[Container]) -> None:
        """Note which containers are about to go, and in how many seconds they should be gone; those that are gone are
        forgotten."""
        memo = self.read()
        self._keep(replace(memo, leaving={**memo.leaving, **self._until(due)}), there)

    def note_stopping(self, due: Mapping[str, float], there: Iterable[Container]) -> None:
        """As `note_leaving`, of containers that are stopped now: nobody else is to end them."""
        memo = self.read()
        self._keep(replace(memo, stopping={**memo.stopping, **self._until(due)}), there)

    def _until(self, due: Mapping[str, float]) -> dict[str, float]:
        now = self._now()
        return {id: now + seconds for id, seconds in due.items()}

    def _keep(self, memo: Memo, there: Iterable[Container]) -> None:
        """Write what is noted of containers that are there."""
        known = {container.id for container in there}

        def here(noted: Mapping[str, _T]) -> dict[str, _T]:
            return {id: value for id, value in noted.items() if id in known}

        self.write(Memo(here(memo.carried), here(memo.since), here(memo.leaving), here(memo.stopping)))

    def read(self) -> Memo:
        try:
            document = json.loads(self._file.read_text())
            leaving = document["leaving"]
            if isinstance(leaving, list):
                leaving = dict.fromkeys(leaving, self._file.stat().st_mtime + _UNTOLD)
            return Memo(
                {id: from_document(carried) for id, carried in document["carried"].items()},
                {id: float(when) for id, when in document["since"].items()},
                {str(id): float(when) for id, when in leaving.items()},
                {str(id): float(when) for id, when in document.get("stopping", {}).items()},
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError, IndexError, AttributeError):
            return Memo()

    def write(self, memo: Memo) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        document: dict[str, Any] = {
            "carried": {id: to_document(carried) for id, carried in memo.carried.items()},
            "since": dict(memo.since),
            "leaving": dict(memo.leaving),
            "stopping": dict(memo.stopping),
        }
        draft = self._file.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(document, sort_keys=True))
        draft.replace(self._file)


def _at_once(work: Callable[[_T], _U], items: Sequence[_T]) -> list[_U]:
    """Talking to one edge takes most of its time in waiting: they are talked to side by side. All are waited for."""
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(len(items), _SIDE_BY_SIDE)) as pool:
        return list(pool.map(work, items))
