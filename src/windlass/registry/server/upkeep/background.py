"""What a registry does for itself while it serves: collect garbage, scrub, keep `index.json`, and do these when asked."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from windlass.registry.server.names import Digest, as_digest
from windlass.registry.server.storage.blobs import CollectionUnderWay
from windlass.registry.server.storage.durable import write_file
from windlass.registry.server.storage.layout import LayoutIndex
from windlass.registry.server.storage.storage import Storage
from windlass.registry.server.upkeep.collect import GRACE, Collected, collect
from windlass.registry.server.upkeep.control import Control, Refused
from windlass.registry.server.upkeep.scrub import RATE, scrub

COLLECT_EVERY = 6 * 3600.0
SCRUB_EVERY = 7 * 24 * 3600.0
"""Seconds from the end of one scrub to the beginning of the next, also over restarts."""
_LOOK_EVERY = 300.0
_SAVE_EVERY = 60.0
_INDEX_AFTER = 1.0
"""Seconds from a change to `index.json`, so that a push of many tags writes it once; more where writing takes long."""
_log = logging.getLogger(__name__)


class Upkeep:
    """Runs while the block it is entered for runs. The root's lock must be held."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._ended = threading.Event()
        self._scrubbing = threading.Lock()
        self._index = LayoutIndex(storage)
        self._control: Control | None = None
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        """Raises OSError."""
        self._control = Control(self._storage.root, self._answer)
        self._storage.listeners.append(self._index.changed)
        for work in (self._keep_index, self._keep_clean, self._keep_sound):
            thread = threading.Thread(target=work, name=f"registry{work.__name__}", daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._index.wanted.set()
        if self._control is not None:
            self._control.close()
        self._storage.listeners.remove(self._index.changed)
        for thread in self._threads:
            thread.join(1.0)

    def _keep_index(self) -> None:
        self._index.wanted.set()
        while not self._ended.is_set():
            self._index.wanted.wait()
            took = time.monotonic()
            with _logged("index.json cannot be written"):
                self._index.write()
            self._ended.wait(max(_INDEX_AFTER, 20 * (time.monotonic() - took)))
        with _logged("index.json cannot be written"):
            self._index.write()

    def _keep_clean(self) -> None:
        while not self._ended.wait(COLLECT_EVERY):
            with _logged("garbage cannot be collected"):
                self._collect(GRACE, dry_run=False)

    def _keep_sound(self) -> None:
        while not self._ended.wait(_LOOK_EVERY):
            with _logged("the content cannot be scrubbed"):
                state = _State(self._storage.root)
                if state.due():
                    self._scrub(RATE, state)

    def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        if question["do"] == "collect":
            try:
                return asdict(self._collect(float(question["grace"]), dry_run=bool(question["dry_run"])))
            except CollectionUnderWay:
                raise Refused("a collection is under way already") from None
        if question["do"] == "scrub":
            rate = question["rate"]
            return self._scrub(float(rate) if rate is not None else None, None)
        raise Refused(f"this version cannot {question['do']}")

    def _collect(self, grace: float, *, dry_run: bool) -> Collected:
        done = collect(self._storage, grace=grace, dry_run=dry_run, ended=self._ended.is_set)
        if not dry_run:
            _log.info("collected %d blobs, %d bytes, in %.1f s", done.blobs.count, done.blobs.size, done.seconds)
        return done

    def _scrub(self, rate: float | None, state: _State | None) -> dict[str, Any]:
        if not self._scrubbing.acquire(blocking=False):
            raise Refused("a scrub is under way already")
        try:
            after, passed = (state.after, state.passed) if state is not None else (None, _nothing)
            done = scrub(self._storage, rate=rate, after=after, ended=self._ended.is_set, passed=passed)
        finally:
            self._scrubbing.release()
        if done.complete and state is not None:
            state.finish()
        for damage in done.damage:
            needed = ", ".join(f"{each.repository}@{each.manifest[:19]}" for each in damage.needed_by) or "nothing"
            _log.error(
                "%s is damaged: %s; moved to %s; needed by %s", damage.digest, damage.reason, damage.moved_to, needed
            )
        for name in {each.repository for damage in done.damage for each in damage.needed_by}:
            self._storage.changed(name)
        return asdict(done)


class _State:
    """How far the scrub of the background has come, in `scrub.json`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._saved = time.monotonic()
        self.after: Digest | None = None
        self._finished = 0.0
        try:
            told = json.loads((root / "scrub.json").read_text())
            self._finished = float(told["finished"])
            self.after = as_digest(str(told["after"]))
        except (OSError, ValueError, KeyError, TypeError):
            pass

    def due(self) -> bool:
        return self.after is not None or time.time() - self._finished > SCRUB_EVERY

    def passed(self, digest: Digest) -> None:
        self.after = digest
        if time.monotonic() - self._saved > _SAVE_EVERY:
            self._save()

    def finish(self) -> None:
        self.after, self._finished = None, time.time()
        self._save()

    def _save(self) -> None:
        self._saved = time.monotonic()
        data = json.dumps({"after": self.after, "finished": self._finished}).encode()
        write_file(self._root / "scrub.json", data, self._root / "uploads")


@contextmanager
def _logged(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, Refused, CollectionUnderWay) as error:
        _log.error("%s: %s", what, error)


def _nothing(digest: Digest) -> None:
    pass
