"""Counting failed logins, so that passwords cannot be guessed by trying. Pure but for the clock."""

from __future__ import annotations

import time
from collections.abc import Callable

_EACH = 10
_ALL = 100
_SECONDS = 60.0
_REMEMBERED = 20_000


class FailureLimiter:
    """After ten failures of one address with one name, or a hundred of one address, the rest of the minute is closed to it.

    Counted by name and address together, so that nobody can lock somebody else out. An attempt counts from its beginning
    until it succeeds: otherwise a thousand made side by side would all be let through before the first has failed.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[tuple[str, str | None], tuple[float, int]] = {}

    def wait(self, client: str, user: str) -> int:
        """Seconds to wait before the next attempt, rounded up; 0 when it may be made now."""
        return max(self._closed((client, user), _EACH), self._closed((client, None), _ALL))

    def attempt(self, client: str, user: str) -> None:
        """Count an attempt; `succeeded` takes it back."""
        if len(self._failures) >= _REMEMBERED:
            now = self._clock()
            self._failures = {key: seen for key, seen in self._failures.items() if seen[0] > now}
            if len(self._failures) >= _REMEMBERED:  # thousands of addresses at once: the oldest are let go
                for key in list(self._failures)[: _REMEMBERED // 2]:
                    del self._failures[key]
        self._count((client, user))
        self._count((client, None))

    def succeeded(self, client: str, user: str) -> None:
        self._failures.pop((client, user), None)
        until, number = self._failures.get((client, None), (0.0, 0))
        if number:
            self._failures[client, None] = until, number - 1

    def _count(self, key: tuple[str, str | None]) -> None:
        now = self._clock()
        until, number = self._failures.get(key, (0.0, 0))
        self._failures[key] = (until, number + 1) if until > now else (now + _SECONDS, 1)

    def _closed(self, key: tuple[str, str | None], limit: int) -> int:
        until, number = self._failures.get(key, (0.0, 0))
        left = until - self._clock()
        return int(left) + 1 if number >= limit and left > 0 else 0
