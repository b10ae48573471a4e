"""Waiting for a condition with a deadline, never for a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


class Stop:
    """Somebody's wish that something ends, from any thread. What cannot look at it by itself (a request under way) is
    `ended_by` it."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._guard = threading.Lock()
        self._ends: list[Callable[[], object]] = []

    def set(self) -> None:
        with self._guard:
            self._event.set()
            ends = list(self._ends)
        for end in ends:
            end()

    def is_set(self) -> bool:
        return self._event.is_set()

    @contextmanager
    def ended_by(self, end: Callable[[], object]) -> Iterator[None]:
        """For the time of the block, `end` is called when the wish comes; at once when it has come already."""
        with self._guard:
            self._ends.append(end)
            late = self._event.is_set()
        try:
            if late:
                end()
            yield
        finally:
            with self._guard:
                self._ends.remove(end)


class Interruptible:
    """A clock whose pauses end early when it is to stop."""

    def __init__(self, clock: Clock, stop: Stop) -> None:
        self._clock = clock
        self._stop = stop

    def now(self) -> float:
        return self._clock.now()

    def pause(self, seconds: float) -> None:
        end = self._clock.now() + seconds
        while not self._stop.is_set() and (left := end - self._clock.now()) > 0:
            self._clock.pause(min(left, _SLICE))


_SLICE = 0.05


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
