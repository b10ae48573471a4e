"""A clock that tests move by hand."""

from __future__ import annotations

import threading


class ManualClock:
    """Time passes only when somebody pauses, or through `advance`. `pauses` are the lengths asked for, in seconds."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._guard = threading.Lock()
        self.pauses: list[float] = []

    def now(self) -> float:
        return self._now

    def pause(self, seconds: float) -> None:
        with self._guard:
            self.pauses.append(seconds)
            self._now += seconds

    def advance(self, seconds: float) -> None:
        with self._guard:
            self._now += seconds
