"""A lease is renewed in the background, for as long as its holder works."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from windlass.errors import Locked, WindlassError


class Heartbeat:
    """Calls `renew` every so many seconds until it is stopped, or somebody else has the environment (`Locked`).

    A renewal that fails for another reason (the remote is away) is tried again the next time: the lease lasts for several.
    It ends with the process, whatever ends that.

    Args:
        renew: makes the lease longer, and returns when it ends.
        every: seconds.
        until: when the lease ends that there is.
    """

    def __init__(self, renew: Callable[[], datetime], every: float, until: datetime) -> None:
        self._extend = renew
        self._every = every
        self._until = until
        self._lost: Locked | None = None
        self._guard = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="windlass-lease")
        self._thread.start()

    def assure(self, now: datetime) -> None:
        """Renew a lease that has run out: a machine that was asleep has not heard what happened since.

        Raises:
            Locked: somebody else has the environment.
            EnvironmentUnusable: that cannot be told.
        """
        with self._guard:
            if self._lost is None and now >= self._until:
                self._renew()
            if self._lost is not None:
                raise self._lost

    def stop(self) -> None:
        """Renew no more; one that is under way is waited for, because it moves the ref."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._every):
            try:
                with self._guard:
                    self._renew()
            except KeyboardInterrupt:  # the process is being ended
                return
            except WindlassError:
                continue
            if self._lost is not None:
                return

    def _renew(self) -> None:
        try:
            self._until = self._extend()
        except Locked as error:
            self._lost = error
