"""Garbage collection while the registry serves: mark what manifests need, sweep what nobody needs.

Garbage is, each of them only when nobody used it within the grace period and no request is about to rely on it:

- a repository's link to a blob that none of its manifests speaks of;
- content that no manifest and no remaining link of any repository speaks of: this is what frees space;
- upload sessions and temporary files that expired, and leftovers of a crash that count for nothing.

A manifest without a tag is no garbage: whether it goes is for retention to decide, which deletes it by name.

Why no stored manifest loses a blob is argued in `blobs`: references are read here after `collecting` began, all that
were being made then are claims, and all that are made later are heard of. Where a manifest cannot be read, nothing that
its repository links is removed, for it may need any of it. A session that is being written to keeps what was pushed to
its repository during the last day, as the layers before it are of the same push.

A crash in between removes too little at worst: a blob is moved under a temporary name first, and the next start of a
server deletes that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from windlass.registry.server.names import Digest
from windlass.registry.server.storage.blobs import is_intact
from windlass.registry.server.storage.crash import passing
from windlass.registry.server.storage.references import mentioned
from windlass.registry.server.storage.repositories import Repository
from windlass.registry.server.storage.storage import Storage
from windlass.registry.server.storage.uploads import SESSION_LIFETIME

GRACE = 3600.0
"""Seconds for which content stays after it was pushed, mounted or asked for, although nothing needs it yet."""


@dataclass(slots=True)
class Tally:
    """`size` in bytes."""

    count: int = 0
    size: int = 0

    def add(self, size: int) -> None:
        self.count += 1
        self.size += size


@dataclass(frozen=True, slots=True)
class Collected:
    """What was removed, or would be. `recent` is garbage that is kept because somebody used it within the grace period.

    `unreadable` are repositories of which nothing was removed, because a manifest of theirs is damaged or missing.
    """

    dry_run: bool
    blobs: Tally = field(default_factory=Tally)
    uploads: Tally = field(default_factory=Tally)
    recent: Tally = field(default_factory=Tally)
    links: int = 0
    leftovers: int = 0
    unreadable: tuple[str, ...] = ()
    seconds: float = 0.0


def collect(
    storage: Storage, *, grace: float = GRACE, dry_run: bool = False, ended: Callable[[], bool] = lambda: False
) -> Collected:
    """Collect once. The root's lock must be held by this process; requests may go on.

    Args:
        grace: seconds; 0 also takes what was pushed just now and is not in a manifest yet, and such a push then fails.
        ended: asked now and then whether to stop early; what was done by then stays done.

    Raises:
        CollectionUnderWay
        OSError
    """
    began = time.monotonic()
    with storage.blobs.collecting():
        return _Collection(storage, grace, dry_run, ended).run(began)


class _Collection:
    def __init__(self, storage: Storage, grace: float, dry_run: bool, ended: Callable[[], bool]) -> None:
        self._storage = storage
        self._dry_run = dry_run
        self._ended = ended
        self._grace = grace
        self._now = time.time()
        self._blobs, self._uploads, self._recent = Tally(), Tally(), Tally()
        self._links = self._leftovers = 0
        self._live: set[Digest] = set()
        self._unreadable: list[str] = []

    def run(self, began: float) -> Collected:
        for name in self._storage.folders():
            if not self._ended():
                self._repository(self._storage.repository(name))
        passing("collect-marked")
        if not self._ended():
            self._sweep()
        self._expire()
        return Collected(
            self._dry_run,
            self._blobs,
            self._uploads,
            self._recent,
            self._links,
            self._leftovers,
            tuple(self._unreadable),
            time.monotonic() - began,
        )

    def _repository(self, repository: Repository) -> None:
        needed, readable = self._needed(repository)
        passing("collect-listed")
        self._live |= needed
        before = self._now - self._grace
        if self._storage.uploads.written_since(repository.name, before):
            before = min(before, self._now - SESSION_LIFETIME)
        for digest in repository.blobs():
            if digest in needed:
                continue
            if readable and self._storage.blobs.unless_used(digest, before, self._unlink(repository, digest)):
                self._links += 1
                passing("collect-unlinked")
            else:
                self._live.add(digest)
                if readable:
                    self._recent.add(self._storage.blobs.size(digest) or 0)
        if not readable:
            self._unreadable.append(repository.name)
            return
        with repository.lock:
            for path in repository.leftovers():
                self._leftovers += 1
                if not self._dry_run:
                    path.unlink(missing_ok=True)

    def _needed(self, repository: Repository) -> tuple[set[Digest], bool]:
        """What the manifests here speak of, themselves included; and whether all of them can be read."""
        needed: set[Digest] = set()
        readable = True
        for digest in repository.manifests():
            needed.add(digest)
            data = self._storage.blobs.read(digest)
            try:
                if data is None or not is_intact(data, digest):
                    raise ValueError
                needed |= mentioned(data)
            except (ValueError, RecursionError):
                readable = readable and not repository.has_manifest(digest)  # it may have been deleted just now
        return needed, readable

    def _unlink(self, repository: Repository, digest: Digest) -> Callable[[], None] | None:
        return None if self._dry_run else lambda: repository.drop_blob(digest)

    def _sweep(self) -> None:
        before = self._now - self._grace
        for digest in self._storage.blobs.stored():
            if digest in self._live or self._ended():
                continue
            size = self._storage.blobs.size(digest) or 0
            moved: list[Path | None] = []

            def take(digest: Digest = digest, moved: list[Path | None] = moved) -> None:
                moved.append(self._storage.blobs.move_out(digest))

            if not self._storage.blobs.unless_used(digest, before, None if self._dry_run else take):
                self._recent.add(size)
                continue
            if moved == [None]:
                continue
            self._blobs.add(size)
            passing("collect-moved")
            for path in filter(None, moved):
                path.unlink(missing_ok=True)
        if not self._dry_run:
            self._storage.blobs.sync()

    def _expire(self) -> None:
        for _, size in self._storage.uploads.expired():
            self._uploads.add(size)
        if not self._dry_run:
            self._storage.uploads.expire()
