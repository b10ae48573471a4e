"""Wait for one's turn: one deployer changes an environment at a time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from windlass.errors import EnvironmentUnusable, Held, Overtaken
from windlass.model.events import Emit, Notice
from windlass.state.interface import State
from windlass.waiting import Clock, DeadlinePassed, wait_for

_EVERY = 5.0
T = TypeVar("T")


def in_turn(work: Callable[[], T], environment: str, state: State, seconds: float, clock: Clock, emit: Emit) -> T:
    """Do what changes an environment; while somebody else does, wait, at most so many seconds, and begin anew.

    Args:
        work: asks for the environment and raises, before it touches anything, `Held` when it is not free, `Overtaken` when
            somebody had it meanwhile. It looks at the history by itself each time: what it saw before is out of date.

    Raises:
        Held: the environment did not become free in time.
    """
    end = clock.now() + seconds
    said = ""
    while True:
        try:
            return work()
        except Overtaken:
            continue
        except Held as error:
            left = end - clock.now()
            if left <= 0:
                raise
            if error.message != said:
                said = error.message
                emit(Notice(f"waiting: {error.message}"))
            with suppress(DeadlinePassed):
                wait_for(lambda: _is_free(state, environment), bool, seconds=left, every=min(_EVERY, left), clock=clock)


def _is_free(state: State, environment: str) -> bool:
    try:
        state.refuse_if_held(environment)
    except (Held, EnvironmentUnusable):  # who waits for minutes waits for a remote that stammers, too
        return False
    return True
