"""A clock that tests move by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable


class ManualClock:
    """Time passes only when somebody pauses, or through `advance`. `pauses` are the lengths asked for, in seconds."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._guard = threading.Lock()
        self.pauses: list[float] = []
        self._planned: list[tuple[float, Callable[[], object]]] = []

    def now(self) -> float:
        return self._now

    def pause(self, seconds: float) -> None:
        with self._guard:
            self.pauses.append(seconds)
            self._now += seconds
            due = [happens for when, happens in self._planned if when <= self._now]
            self._planned = [(when, happens) for when, happens in self._planned if when > self._now]
        for happens in due:
            happens()

    def then(self, when: float, happens: Callable[[], object]) -> None:
        """Something that happens at a moment, once somebody has paused until then."""
        self._planned.append((when, happens))

    def advance(self, seconds: float) -> None:
        with self._guard:
            self._now += seconds
