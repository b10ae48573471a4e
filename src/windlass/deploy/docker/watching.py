"""Watching what was switched to, from the switch on. It is fed with looks, and with what the checks ask meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace

from windlass.deploy.docker.edge.board import Board
from windlass.deploy.docker.edge.commands import Tally
from windlass.deploy.docker.edge.judge import Look, judge
from windlass.deploy.interface import Meanwhile
from windlass.errors import DeploymentFailed, EngineUnavailable, WindlassError
from windlass.waiting import Clock, DeadlinePassed, wait_for

_EVERY = 1.0
_SLICE = 0.05

Looks = Callable[[], Mapping[str, Look]]
"""How each service that is there fares. Raises EngineUnavailable; DeploymentFailed where an edge does not answer."""


@dataclass(frozen=True, slots=True)
class Turned:
    """A switch: when it was, what was switched to, and a first look, a moment after it, that nobody has to wait for."""

    began: float
    board: Board
    look: Looks
    first: Future[Mapping[str, Look]] = field(default_factory=Future)

    def begin(self) -> Turned:
        threading.Thread(target=self._answer, daemon=True).start()
        return self

    def _answer(self) -> None:
        try:
            self.first.set_result(self.look())
        except BaseException as error:  # handed to whoever asks for the answer
            self.first.set_exception(error)


def watch(turned: Turned, meanwhile: Meanwhile, *, seconds: float, clock: Clock) -> dict[str, str]:
    """Service → what is wrong with it, as soon as something is; empty when the time is over. A look that failed is none.

    Args:
        seconds: how long, from the switch; and as long as the checks run.

    Raises:
        EngineUnavailable: not one look succeeded.
    """
    watched = _Watched(turned, meanwhile)
    end = turned.began + seconds

    def over() -> bool:
        return meanwhile.stop.is_set() or (clock.now() >= end and not meanwhile.going())

    wrong, last = watched.wrong(), over()
    while not wrong and not last:
        with suppress(DeadlinePassed):
            wait_for(over, bool, seconds=_EVERY, every=_SLICE, clock=clock)
        last = over()
        wrong = {} if meanwhile.stop.is_set() else watched.wrong()
    if not wrong and watched.before is None and watched.problem is not None:
        raise EngineUnavailable(watched.problem.message, remedy=watched.problem.remedy) from watched.problem
    return wrong


class _Watched:
    """What was switched to; `before` is how it fared at first, None until a look has succeeded."""

    def __init__(self, turned: Turned, meanwhile: Meanwhile) -> None:
        self._turned, self._meanwhile = turned, meanwhile
        self.before: Mapping[str, Look] | None = None
        self.problem: WindlassError | None = None
        self._seen(turned.first.result)

    def wrong(self) -> dict[str, str]:
        after = self._seen(self._turned.look)
        if after is None or self.before is None:
            return {}
        return judge(
            self.before, after, self._meanwhile.asked()
        )  # asked last: what is in the look has been asked by then

    def _seen(self, look: Looks) -> Mapping[str, Look] | None:
        try:
            found = look()
        except (EngineUnavailable, DeploymentFailed) as error:  # that nothing can be seen is no verdict
            self.problem = error
            return None
        if self.before is None:
            self.before = as_switched_to(self._turned.board, found)
        return found


def as_switched_to(board: Board, first: Mapping[str, Look]) -> dict[str, Look]:
    """The first look, a moment after the switch; but containers as they were when they were switched to: one that has died
    since then was well."""
    found = {}
    for service in dict.fromkeys(c.service for c in board.current):
        mine = board.serving(service)
        look = first.get(service) or Look({}, {}, Tally(), Tally())
        found[service] = replace(look, restarts={c.id: c.restarts for c in mine}, states={c.id: c.state for c in mine})
    return found
