"""Waiting for a condition with a deadline, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    """Monotonic seconds, and a way to let some pass. `testing.clock.ManualClock` is the one for tests."""

    def now(self) -> float: ...

    def pause(self, seconds: float) -> None: ...


class SystemClock:
    def now(self) -> float:
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)


class DeadlinePassed(Exception):
    """The condition did not hold in time. `last` is what the probe returned last."""

    def __init__(self, last: object) -> None:
        super().__init__(f"last seen: {last}")
        self.last = last


def wait_for(
    probe: Callable[[], T],
    holds: Callable[[T], bool],
    *,
    seconds: float,
    every: float = 0.1,
    clock: Clock | None = None,
) -> T:
    """Call `probe` until `holds` accepts its result, and return that result.

    Args:
        seconds: the deadline, counted from the call; the probe runs at least once.
        every: seconds between two probes.

    Raises:
        DeadlinePassed: with the last result.
    """
    clock = clock or SystemClock()
    end = clock.now() + seconds
    while True:
        seen = probe()
        if holds(seen):
            return seen
        left = end - clock.now()
        if left <= 0:
            raise DeadlinePassed(seen)
        clock.pause(min(every, left))
