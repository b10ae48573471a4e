"""What checks are asking at this moment, seen from outside: they can be counted and stopped."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from windlass.model.observation import Asked
from windlass.waiting import Stop


class Asking:
    """Goes with one `verify`. When `stop` is set, nothing more is sent: a request under way is cut off, and `verify` returns.

    `dismissed` says that it was stopped from outside: what the checks say then is no verdict.
    """

    def __init__(self) -> None:
        self.stop = Stop()
        self.dismissed = False
        self._guard = threading.Lock()
        self._counts: dict[str, Asked] = {}

    def dismiss(self) -> None:
        """Stop it because the verdict has fallen elsewhere."""
        self.dismissed = True
        self.stop.set()

    def counts(self) -> Mapping[str, Asked]:
        """By service, as `Asked` says; from any thread."""
        with self._guard:
            return dict(self._counts)

    @contextmanager
    def request(self, service: str) -> Iterator[Answered]:
        """Count a request; it is taken for an error unless its block says otherwise."""
        self._add(service, 1, 1)
        answered = Answered()
        try:
            yield answered
        finally:
            if not answered.error:
                self._add(service, 0, -1)

    def _add(self, service: str, total: int, errors: int) -> None:
        with self._guard:
            was = self._counts.get(service, Asked())
            self._counts[service] = Asked(was.total + total, was.errors + errors)


class Answered:
    """What became of one request. `error` says whether an edge may have taken it for one."""

    error = True

    def hear(self, status: int) -> None:
        """An answer came. Inside TLS that is passed through an edge does not see it; nobody here knows where TLS ends, and to
        forgive an error or two too many is better than to hold one against the release that was wanted."""
        self.error = status >= 500
