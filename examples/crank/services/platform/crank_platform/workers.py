"""Which workers are there: those whose last word is recent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Worker:
    name: str
    url: str
    capabilities: tuple[str, ...]
    last_seen: float

    def describe(self) -> dict[str, Any]:
        return {"name": self.name, "url": self.url, "capabilities": list(self.capabilities)}


class Workers:
    """Registered workers. One that has been silent for `silence` seconds is gone."""

    def __init__(self, silence: float = 10.0, now: Callable[[], float] = time.monotonic) -> None:
        self._silence = silence
        self._now = now
        self._known: dict[str, Worker] = {}
        self._turn = 0
        self._lock = threading.Lock()

    def register(self, name: str, url: str, capabilities: list[str]) -> Worker:
        worker = Worker(name, url, tuple(capabilities), self._now())
        with self._lock:
            self._known[name] = worker
        return worker

    def present(self) -> list[Worker]:
        """By name."""
        oldest = self._now() - self._silence
        with self._lock:
            return sorted((w for w in self._known.values() if w.last_seen >= oldest), key=lambda worker: worker.name)

    def able(self, capability: str) -> Worker | None:
        """A worker with this capability, each in its turn."""
        able = [worker for worker in self.present() if capability in worker.capabilities]
        if not able:
            return None
        with self._lock:
            self._turn += 1
            return able[self._turn % len(able)]
