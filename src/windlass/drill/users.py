"""A user of the copy: asks again and again, and notes when there was no answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from windlass.model.observation import Endpoint
from windlass.model.project import HealthCheck
from windlass.verify.http import send
from windlass.verify.probe import Request, Unanswered

_EVERY = 0.05
_TIMEOUT = 5.0


class User:
    """Sends what a health check sends, about 20 times a second, while the block lasts. `probes` are (began, ended, answered)."""

    def __init__(self, check: HealthCheck, where: Callable[[], Endpoint | None]) -> None:
        self._check = check
        self._endpoint = where()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True, name="windlass-drill-user")
        self.probes: list[tuple[float, float, bool]] = []

    def __enter__(self) -> User:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        check, at = self._check, self._endpoint
        if at is None:
            return
        url = f"{check.scheme}://{at.host}:{at.port}{check.path}"
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                status = send(Request("GET", url, {}, None, check.insecure, _TIMEOUT)).status
                answered = status == check.status if check.status is not None else status < 400
            except Unanswered:
                answered = False
            self.probes.append((began, time.monotonic(), answered))
            self._ended.wait(_EVERY)
