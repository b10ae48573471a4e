"""The content store: every blob once, under its digest, in the shape of an OCI image layout.

**Use and collection.** A collection removes blobs while clients push. What keeps it from taking away what somebody was
told is here:

1. Whoever looks a blob up to rely on it does so with `use`, which also notes the time on the file (its modification
   time). A collection leaves alone what was used less than its grace period ago. This covers a client that asks for a
   blob, gets 200, and pushes the manifest later.
2. A request that makes a reference to blobs looks them up under a `claim`, which lasts until the reference is on disk.
   A collection takes over all claims that are open when it begins, and hears of every use from then on; it removes none
   of these blobs. A reference whose claim was closed before the collection began is on disk, where the collection, which
   reads the references after it began, finds it. So no clock and no grace period decides whether a stored manifest
   keeps its blobs.
3. Looking up and noting, and checking and removing, each happen in one step under one lock.

A client that waited longer than the grace period is refused with MANIFEST_BLOB_UNKNOWN, and nothing is stored.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from windlass.registry.server.names import ALGORITHMS, Digest, as_digest, digest_of, split_digest
from windlass.registry.server.storage.crash import passing
from windlass.registry.server.storage.durable import (
    make_folders,
    rename,
    settle,
    sync_folder,
    temporary_name,
    write_file,
)

_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
_INDEX = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[\n\n]}\n'
_BLOCK = 1024 * 1024
NOTE_AFTER = 60.0
"""Seconds after which another use is noted again; a use may be noted that much too old."""


class CollectionUnderWay(Exception):
    """Only one at a time."""


class BlobStore:
    """Files named by their digest. A file gets its name only after its content was hashed and synced, so a name is a promise.

    Which repository may see a blob is not decided here.
    """

    def __init__(self, root: Path) -> None:
        self._folders = {name: root / "blobs" / name for name in ALGORITHMS}
        self._scratch = root / "uploads"
        self._quarantine = root / "quarantine"
        self._root = root
        self._guard = threading.Lock()
        self._claims: dict[int, set[Digest]] = {}
        self._used: set[Digest] | None = None
        """Since the collection under way began."""

    def prepare(self) -> None:
        """Create the folders and the two files that make `root` an OCI image layout (image-layout.md).

        Raises:
            OSError
        """
        for folder in (*self._folders.values(), self._scratch, self._quarantine):
            make_folders(folder)
        for folder in self._folders.values():
            sync_folder(folder)  # names that a crash found unsynced
        for name, data in (("oci-layout", _LAYOUT), ("index.json", _INDEX)):
            if not (self._root / name).exists():
                write_file(self._root / name, data, self._scratch)

    def path(self, digest: Digest) -> str:
        algorithm, encoded = split_digest(digest)
        return f"{self._folders[algorithm]}/{encoded}"

    def size(self, digest: Digest) -> int | None:
        """Bytes, or None when it is not here. Nobody may rely on it afterwards: see `use`."""
        try:
            return os.stat(self.path(digest)).st_size  # noqa: PTH116 (a hot path)
        except FileNotFoundError:
            return None

    def read(self, digest: Digest) -> bytes | None:
        try:
            return Path(self.path(digest)).read_bytes()
        except FileNotFoundError:
            return None

    def stored(self) -> Iterator[Digest]:
        """Everything here, in the order of the digests."""
        for algorithm, folder in self._folders.items():
            for encoded in sorted(os.listdir(folder)) if folder.is_dir() else ():  # noqa: PTH208
                if (digest := as_digest(f"{algorithm}:{encoded}")) is not None:
                    yield digest

    def use(self, digest: Digest, claim: set[Digest] | None = None) -> int | None:
        """Like `size`, for somebody who will rely on it."""
        path = self.path(digest)
        with self._guard:
            self._note(digest, claim)
            try:
                found = os.stat(path)  # noqa: PTH116 (a hot path)
            except FileNotFoundError:
                return None
            if time.time() - found.st_mtime > NOTE_AFTER:
                os.utime(path)
            return found.st_size

    @contextmanager
    def claim(self) -> Iterator[set[Digest]]:
        """Keep what is looked up with this claim until the reference to it is on disk, which is the end of the block."""
        claim: set[Digest] = set()
        with self._guard:
            self._claims[id(claim)] = claim
        try:
            yield claim
        finally:
            with self._guard:
                del self._claims[id(claim)]

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Raises CollectionUnderWay."""
        with self._guard:
            if self._used is not None:
                raise CollectionUnderWay
            self._used = set().union(*self._claims.values())
        try:
            yield
        finally:
            with self._guard:
                self._used = None

    def unless_used(self, digest: Digest, before: float, remove: Callable[[], object] | None) -> bool:
        """Call `remove` unless somebody relies on the blob: since this collection began, or since `before` (seconds since 1970).

        True when nobody does. Without `remove` nothing happens.
        """
        with self._guard:
            if self._used is not None and digest in self._used:
                return False
            try:
                if os.stat(self.path(digest)).st_mtime > before:  # noqa: PTH116
                    return False
            except FileNotFoundError:
                pass
            if remove is not None:
                remove()
            return True

    def move_out(self, digest: Digest) -> Path | None:
        """Take a blob out of the store, to a temporary name; for `unless_used`, because this is quick and removing a large file is not.

        None when it is gone: a scrub may have moved it aside.
        """
        try:
            return Path(self.path(digest)).rename(temporary_name(self._scratch))
        except FileNotFoundError:
            return None

    def quarantine(self, digest: Digest, inode: int) -> Path | None:
        """Move a damaged blob aside, so that the next push brings it back; None when the file is another one by now."""
        path = Path(self.path(digest))
        target = self._quarantine / f"{digest.replace(':', '-')}.{os.urandom(4).hex()}"
        with self._guard:
            try:
                if path.stat().st_ino != inode:
                    return None
                path.rename(target)
            except FileNotFoundError:
                return None
        passing("scrub-moved")
        for folder in (target.parent, path.parent):
            sync_folder(folder)
        return target

    def quarantined(self) -> list[Path]:
        return sorted(self._quarantine.iterdir()) if self._quarantine.is_dir() else []

    def sync(self) -> None:
        for folder in self._folders.values():
            sync_folder(folder)

    def adopt(self, file: Path, digest: Digest, claim: set[Digest] | None = None) -> None:
        """Take over a synced file whose content has this digest; the file's own name is gone afterwards.

        A blob that is there is replaced: its content may be damaged, this one was hashed just now.
        """
        target = Path(self.path(digest))
        os.utime(file)
        with self._guard:
            self._note(digest, claim)
            rename(file, target)
        passing("blob-named")
        settle(target)

    def put(self, data: bytes, digest: Digest, claim: set[Digest] | None = None) -> None:
        """Store bytes that have this digest (the caller computed it); a damaged file is replaced."""
        target = Path(self.path(digest))
        if self.use(digest, claim) == len(data) and self.read(digest) == data:
            settle(target)
            return
        write_file(target, data, self._scratch)

    def _note(self, digest: Digest, claim: set[Digest] | None) -> None:
        if claim is not None:
            claim.add(digest)
        if self._used is not None:
            self._used.add(digest)


def hash_file(path: Path, algorithm: str) -> Digest:
    """The digest of a file, read in blocks."""
    hasher = hashlib.new(algorithm)
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            hasher.update(block)
    return Digest(f"{algorithm}:{hasher.hexdigest()}")


def is_intact(data: bytes, digest: Digest) -> bool:
    return digest_of(data, split_digest(digest)[0]) == digest


def stored_bytes(root: Path) -> int:
    """Bytes of everything stored under a root, used or not, for who owns the disk; a server may go on serving meanwhile.

    Raises:
        OSError
    """
    store = BlobStore(root)
    return sum(store.size(digest) or 0 for digest in store.stored())
