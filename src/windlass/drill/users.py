"""A user of the copy: asks again and again, and notes when there was no answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from windlass.model.observation import Endpoint
from windlass.model.project import HealthCheck
from windlass.verify.http import send
from windlass.verify.probe import Request, Unanswered

_EVERY = 0.05
_TIMEOUT = 5.0
_MOST = 100
"""Requests under way at once: as many as begin while one runs out of time."""


class User:
    """Sends what a health check sends, about 20 times a second, while the block lasts. One request does not wait for another:
    one without an answer would hide for seconds that others have one again."""

    def __init__(self, check: HealthCheck, where: Callable[[], Endpoint | None]) -> None:
        self._check = check
        self._endpoint = where()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True, name="windlass-drill-user")
        self._seen: list[tuple[float, float, bool]] = []

    @property
    def probes(self) -> list[tuple[float, float, bool]]:
        """(began, ended, answered) of requests that are over, in the order they began; monotonic seconds."""
        return sorted(self._seen)

    def __enter__(self) -> User:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        if self._endpoint is None:
            return
        url = f"{self._check.scheme}://{self._endpoint.host}:{self._endpoint.port}{self._check.path}"
        free = threading.Semaphore(_MOST)
        with ThreadPoolExecutor(_MOST, thread_name_prefix="windlass-drill-user") as pool:
            while not self._ended.is_set():
                free.acquire()
                pool.submit(self._send, url).add_done_callback(lambda _: free.release())
                self._ended.wait(_EVERY)

    def _send(self, url: str) -> None:
        check, began = self._check, time.monotonic()
        try:
            status = send(Request("GET", url, {}, None, check.insecure, _TIMEOUT)).status
            answered = status == check.status if check.status is not None else status < 400
        except Unanswered:
            answered = False
        self._seen.append((began, time.monotonic(), answered))
