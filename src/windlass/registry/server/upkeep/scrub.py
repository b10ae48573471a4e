"""Hashing everything again, at a limited rate, while the registry serves.

Content whose hash is not its name, or that cannot be read, is moved aside (`quarantine/`): it is then missing instead of
wrong, clients that ask for it are told so, and the next push of it repairs the registry.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from windlass.registry.server.names import Digest, split_digest
from windlass.registry.server.storage.crash import passing
from windlass.registry.server.storage.references import Dependent, dependents
from windlass.registry.server.storage.storage import Storage

RATE = 32 * 1024 * 1024
"""Bytes a second in the background."""
_BLOCK = 1024 * 1024
_DONT_NEED = getattr(os, "POSIX_FADV_DONTNEED", None)


@dataclass(frozen=True, slots=True)
class Damage:
    """`reason` is a sentence's end: 'its content has another digest'. `moved_to` is a file below the root, if it was moved aside."""

    digest: Digest
    reason: str
    needed_by: tuple[Dependent, ...]
    moved_to: str | None = None


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """`size` in bytes, of what was read."""

    blobs: int
    size: int
    damage: tuple[Damage, ...]
    seconds: float
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    digest: Digest
    reason: str
    inode: int | None


def scrub(
    storage: Storage,
    *,
    rate: float | None = RATE,
    after: Digest | None = None,
    move: bool = True,
    ended: Callable[[], bool] = lambda: False,
    passed: Callable[[Digest], None] = lambda digest: None,
) -> Scrubbed:
    """Hash every blob and manifest.

    Args:
        rate: bytes a second; None for no limit.
        after: go on after this one, as a scrub before was ended there.
        move: whether to move damage aside (the root's lock must be held); False only looks.
        ended: asked between blocks whether to stop.
        passed: called after each blob, in order.

    Raises:
        OSError: of folders; a blob that cannot be read is damage.
    """
    began = time.monotonic()
    pace = Pace(rate, ended)
    found: list[tuple[Finding, str | None]] = []
    count = 0
    for digest in storage.blobs.stored():
        if after is not None and _place(digest) <= _place(after):
            continue
        finding = examine(storage, digest, pace)
        if ended():
            break
        count += 1
        if finding is not None:
            passing("scrub-found")
            moved = storage.blobs.quarantine(digest, finding.inode) if move and finding.inode is not None else None
            if moved is not None or not move:
                found.append((finding, str(moved.relative_to(storage.root)) if moved is not None else None))
        passed(digest)
    needs = dependents(storage, {finding.digest for finding, _ in found})
    damage = tuple(Damage(each.digest, each.reason, needs.get(each.digest, ()), moved) for each, moved in found)
    return Scrubbed(count, pace.size, damage, time.monotonic() - began, complete=not ended())


class Pace:
    """Keeps reading below a rate by pausing between blocks."""

    def __init__(self, rate: float | None, ended: Callable[[], bool]) -> None:
        self.size = 0
        self.ended = ended
        self._rate = rate
        self._began = time.monotonic()

    def took(self, size: int) -> None:
        self.size += size
        if self._rate is None:
            return
        ahead = self.size / self._rate - (time.monotonic() - self._began)
        while ahead > 0 and not self.ended():
            pause = min(ahead, 0.2)
            time.sleep(pause)
            ahead -= pause


def examine(storage: Storage, digest: Digest, pace: Pace) -> Finding | None:
    """Hash one file; None when it is what its name says, or gone by now."""
    algorithm, encoded = split_digest(digest)
    hasher = hashlib.new(algorithm)
    try:
        handle = os.open(storage.blobs.path(digest), os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Finding(digest, f"it cannot be opened ({error.strerror})", None)
    try:
        inode = os.fstat(handle).st_ino
        try:
            while (block := os.read(handle, _BLOCK)) and not pace.ended():
                hasher.update(block)
                pace.took(len(block))
        except OSError as error:
            return Finding(digest, f"it cannot be read ({error.strerror})", inode)
        if _DONT_NEED is not None:
            os.posix_fadvise(handle, 0, 0, _DONT_NEED)  # what nobody asked for need not push out what somebody will
    finally:
        os.close(handle)
    if pace.ended() or hasher.hexdigest() == encoded:
        return None
    return Finding(digest, "its content has another digest", inode)


def _place(digest: Digest) -> tuple[str, str]:
    return split_digest(digest)
