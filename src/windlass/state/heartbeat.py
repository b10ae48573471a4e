"""A lease is renewed in the background, for as long as its holder works."""

from __future__ import annotations

import threading
from collections.abc import Callable

from windlass.errors import Locked, WindlassError


class Heartbeat:
    """Calls `renew` every so many seconds until it is stopped, or somebody else has the environment (`Locked`).

    A renewal that fails for another reason (the remote is away) is tried again the next time: the lease lasts for several.
    It ends with the process, whatever ends that.
    """

    def __init__(self, renew: Callable[[], None], every: float) -> None:
        self._renew = renew
        self._every = every
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="windlass-lease")
        self._thread.start()

    def stop(self) -> None:
        """Renew no more; one that is under way is waited for, because it moves the ref."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._every):
            try:
                self._renew()
            except (Locked, KeyboardInterrupt):  # taken over; or the process is being ended
                return
            except WindlassError:
                continue
