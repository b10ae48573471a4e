"""Ending containers that a release has no use for, without waiting for it."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace

from windlass.deploy import warm
from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.edge.board import Board
from windlass.deploy.docker.edge.lingering import closed
from windlass.deploy.docker.preparing import Ready
from windlass.deploy.docker.site import Site
from windlass.deploy.warm import Warm

_LATE = 120.0
"""Seconds after which what is due was forgotten."""


class Ending:
    """Each container is asked to end, and has as long for it as its `stop_grace_period` says."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._warm = Warm(site.folder / "warm.json")
        self._caught_up = False

    def end_idle(self, ready: Ready, board: Board) -> None:
        """End what is left of earlier releases, unless this one runs it again."""
        held = set(ready.instances.values())
        self.end([c for c in board.stuck if c.key not in held], board, after=0.0)
        self._warm.forget([c.id for c in board.services if c.key in held])
        idle = [c for c in board.idle if c.key not in held and c.id not in board.leaving]
        working = [c for c in idle if c.worker and c.status == "running"]
        never = [c for c in idle if c.id not in board.drained and c not in working]
        self._site.docker.discard([c.id for c in never])  # no request has ever reached these
        self.end(working, board, after=0.0)
        for container in idle:
            if container.id in board.drained:
                self.end(
                    [container],
                    board,
                    after=max(0.0, self._site.settings.drain - self._site.edges.idle_for(container.id)),
                )

    def end_replaced(self, ready: Ready, board: Board, *, keep_warm: bool) -> Board:
        """End what the release has just replaced; containers that are to stay for the way back do. Those of services that it
        has no more end here only where nothing is to stay; otherwise `end_gone` ends them.

        Returns:
            The board, where these are about to go.
        """
        unneeded = [c for c in board.services if c.id not in board.leaving and _unneeded(c, ready, keep_warm)]
        # Requests under way may end. A plain connection may never: its service is asked to close it. A worker must not take
        # jobs beside the one after it.
        at_once = [c for c in unneeded if not c.fronted or "tcp" in _modes(ready, c.service)]
        self.end(at_once, board, after=0.0)
        self.end([c for c in unneeded if c not in at_once], board, after=self._site.settings.drain)
        after = replace(board, leaving=board.leaving | {c.id for c in unneeded})
        self._keep_warm([c for c in after.idle if c.id not in after.leaving] if keep_warm else [])
        return after

    def make_way(self, services: Collection[str], board: Board) -> Board:
        """Remove the containers of services that stand in place, and wait for it: what comes after them needs what they hold.

        Returns:
            The board as it is then.
        """
        ending = [c for c in board.services if c.service in services and not c.beside]
        if not ending:
            return board
        # Noted first: the engine goes on with it where this is interrupted, and nobody must take them for ones that stay.
        self._site.edges.note_stopping({c.id: c.grace for c in ending}, board.containers)
        self._site.docker.remove([c.id for c in ending])
        return self._site.board()

    def end_gone(self, ready: Ready, board: Board) -> None:
        """End services that the release does not have, and edges that lead to these alone. New requests do not reach them
        any more, those under way may end. What is to end is noted first, so that it does whatever comes between."""
        drain, gone = self._site.settings.drain, ready.gone
        ending = [c for c in board.services if c.service in gone]
        needless = [e.container for e in board.edges if ready.edge(e.name) is None and not board.ends(e)]
        if not ending and not needless:
            return
        self._warm.forget([c.id for c in ending])
        later = [*(c for c in ending if c.fronted), *needless]
        at_once = [c for c in ending if not c.fronted]
        self._note([*later, *at_once], board, after=drain)
        running = [e for e in board.edges if e.container.status == "running"]
        try:
            self._site.edges.apply([(e, after) for e in running if (after := closed(e.carried, gone)) != e.carried])
        finally:  # they are noted: an edge that does not answer must not keep them
            self.end(at_once, board, after=0.0)
            self.end(later, board, after=drain)

    def _keep_warm(self, containers: Sequence[Container]) -> None:
        """Let these end when their time is over, whether anybody deploys by then or not."""
        if self._site.settings.warm:
            lasting = max(self._site.settings.warm, self._site.settings.drain)
            self._warm.keep([c.id for c in containers], time.time() + lasting)
            if containers:
                self._attend()

    def catch_up(self, board: Board) -> None:
        """See to it that what should have ended does: whoever was to do it may have been ended itself. Seen once, it is not
        begun again for every look."""
        late = bool(board.stuck) and not self._caught_up
        self._caught_up = self._caught_up or late
        if late or self._warm.due(time.time() - _LATE):
            self._attend(late=late)

    def _attend(self, *, late: bool = False) -> None:
        site = self._site
        engine = asdict(site.environment.engine) if site.environment.engine is not None else None
        command = warm.command(site.folder, site.name, engine, here=not site.docker.remote, late=late)
        site.docker.detach(command, log=site.log)

    def end_warm(self) -> None:
        """End the containers of earlier releases as soon as their requests have ended."""
        board = self._site.board()
        self.end([c for c in board.idle if c.id not in board.leaving], board, after=self._site.settings.drain)

    def end(self, containers: Sequence[Container], board: Board, *, after: float) -> None:
        """Ask containers to end, `after` some seconds, and do not wait for it."""
        if containers:  # noted first: nobody must lead users to what will end
            self._note(containers, board, after=after)
            self._site.docker.remove_later([c.id for c in containers], self._site.log, after=after)

    def _note(self, containers: Sequence[Container], board: Board, *, after: float) -> None:
        self._site.edges.note_leaving({c.id: after + c.grace for c in containers}, board.containers)


def _unneeded(container: Container, ready: Ready, keep_warm: bool) -> bool:
    key = ready.instances.get(container.service)
    if key is not None and container.key == key:
        return False
    if not container.beside:  # it is stopped and started; or stood in place until its service was taken for a worker
        return key is not None and container.service in ready.layout.workers
    if keep_warm and container.service in ready.gone:
        return False
    stays_warm = container.fronted and container.service in ready.layout.fronted
    return key is None or not stays_warm or not keep_warm


def _modes(ready: Ready, service: str) -> set[str]:
    fronted = ready.layout.fronted.get(service)
    return set(fronted.ports.values()) if fronted is not None else set()
