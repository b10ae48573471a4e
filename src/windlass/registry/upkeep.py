"""What a registry does for itself while it serves: collect garbage, scrub, keep `index.json`, and do these when asked."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from windlass.errors import Locked, RegistryUnavailable
from windlass.registry.blobs import CollectionUnderWay
from windlass.registry.collect import GRACE, Collected, collect
from windlass.registry.control import Control, Refused, ask
from windlass.registry.durable import write_file
from windlass.registry.layout import LayoutIndex
from windlass.registry.lock import RootInUse, RootLock
from windlass.registry.names import Digest, as_digest
from windlass.registry.scrub import RATE, scrub
from windlass.registry.storage import Storage

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


def collect_root(root: Path, *, grace: float = GRACE, dry_run: bool = False) -> dict[str, Any]:
    """Collect the garbage of a root: by its server when there is one, otherwise here. The fields of `Collected`.

    Raises:
        Locked: it is served by a process that cannot be asked, or that collects already.
        RegistryUnavailable: the disk refuses.
    """
    question = {"do": "collect", "grace": grace, "dry_run": dry_run}
    return _asked_or_done(root, question, lambda storage: asdict(collect(storage, grace=grace, dry_run=dry_run)))


def scrub_root(root: Path, *, rate: float | None = None) -> dict[str, Any]:
    """Scrub a root: by its server when there is one, otherwise here. The fields of `Scrubbed`. Raises like `collect_root`."""
    return _asked_or_done(root, {"do": "scrub", "rate": rate}, lambda storage: asdict(scrub(storage, rate=rate)))


def _asked_or_done(root: Path, question: dict[str, Any], work: Callable[[Storage], dict[str, Any]]) -> dict[str, Any]:
    try:
        if (answer := ask(root, question)) is not None:
            return answer
        lock = RootLock(root, "no address: upkeep")
    except Refused as error:
        raise Locked(f"the registry that serves {root} refuses: {error}", remedy="try again") from error
    except RootInUse as error:
        by = f" by process {error.holder.pid} ({error.holder.listen})" if error.holder else ""
        raise Locked(f"{root} is in use{by}, which cannot be asked", remedy="stop it first, or try again") from None
    except OSError as error:
        raise _unwritable(root, error) from error
    try:
        storage = Storage(root)
        storage.prepare()
        done = work(storage)
        LayoutIndex(storage).write()
        return done
    except OSError as error:
        raise _unwritable(root, error) from error
    finally:
        lock.release()


def _unwritable(root: Path, error: OSError) -> RegistryUnavailable:
    return RegistryUnavailable(
        f"the registry's files under {root} cannot be worked on: {error.strerror}",
        remedy="make the folder readable and writable, and free some space",
    )


@contextmanager
def _logged(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, Refused, CollectionUnderWay) as error:
        _log.error("%s: %s", what, error)


def _nothing(digest: Digest) -> None:
    pass
