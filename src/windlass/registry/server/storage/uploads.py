"""Upload sessions: a file that grows, and a hash that grows with it.

The file alone is the session: after a restart its length is the offset to go on from. Its name carries the session's id
and a mark of the repository, so that a session cannot be continued under another repository's address.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from windlass.registry.server.limits import Limits
from windlass.registry.server.names import Digest, split_digest
from windlass.registry.server.problems import Problem, digest_invalid, too_many_uploads, upload_unknown
from windlass.registry.server.storage.blobs import BlobStore, hash_file
from windlass.registry.server.storage.crash import passing
from windlass.registry.server.storage.durable import remove_temporary, temporary_name, write_many

if TYPE_CHECKING:
    from hashlib import _Hash

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SESSION_LIFETIME = 24 * 3600.0
"""Seconds without a byte after which a session may be removed."""
_PRESSED_LIFETIME = 600.0
"""The same while there are as many sessions as there may be: what a broken-off push left must not close the next one out."""
_PRESS_EVERY = 5.0


class Upload:
    """One session. Only one request may write to it at a time (`claim`, `release`)."""

    def __init__(self, id: str, path: Path, size: int, hasher: _Hash | None) -> None:
        self.id = id
        self.path = path
        self.size = size
        self._hasher = hasher
        self._handle: int | None = None
        self._claimed = threading.Lock()
        self._mark: tuple[int, _Hash | None] = (size, hasher)

    def claim(self) -> None:
        """Raises Problem while another request writes."""
        if not self._claimed.acquire(blocking=False):
            raise Problem(409, "BLOB_UPLOAD_INVALID", "another request is writing to this upload")
        self._mark = (self.size, self._hasher.copy() if self._hasher is not None else None)

    def release(self) -> None:
        self._close()
        self._claimed.release()

    def write(self, parts: Sequence[bytes]) -> None:
        """Append to the file; blocks on the disk. Runs beside `hash` of the same parts, each of them in order.

        Raises:
            OSError: nothing of `parts` counts, and the file is as long as before.
        """
        handle = self._open_file()
        try:
            write_many(handle, parts)
        except OSError:
            os.ftruncate(handle, self.size)
            raise
        self.size += sum(map(len, parts))

    def hash(self, parts: Sequence[bytes]) -> None:
        if self._hasher is not None:
            for part in parts:
                self._hasher.update(part)

    def flush(self) -> None:
        """Push what was written so far to the disk, so that less is left to wait for at the end."""
        os.fdatasync(self._open_file())

    def roll_back(self) -> None:
        """Forget what was written since `claim`."""
        self.size, self._hasher = self._mark
        os.truncate(self.path, self.size)

    def seal(self, digest: Digest) -> None:
        """Check the content and sync it; afterwards the file is ready for `BlobStore.adopt`.

        Raises:
            Problem: DIGEST_INVALID.
        """
        algorithm, _ = split_digest(digest)
        if self._hasher is not None and self._hasher.name == algorithm:
            actual = f"{algorithm}:{self._hasher.hexdigest()}"
        else:
            actual = hash_file(self.path, algorithm)
        passing("upload-received")
        if actual != digest:
            raise digest_invalid(digest, "provided digest did not match uploaded content")
        os.fsync(self._open_file())
        passing("upload-synced")

    def _open_file(self) -> int:
        if self._handle is None:
            self._handle = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        return self._handle

    def _close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class Uploads:
    """All sessions below one root."""

    def __init__(self, root: Path, blobs: BlobStore, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._folder = root / "uploads"
        self._blobs = blobs
        self._open: dict[Path, Upload] = {}
        self._of: dict[Path, str] = {}
        self._numbers: Counter[str] = Counter()
        self._guard = threading.Lock()
        self._pressed = 0.0

    def start(self, repository: str, algorithm: str = "sha256", *, resumable: bool = True) -> Upload:
        """Open a session. `algorithm` is only a guess of the final digest's: another one costs reading the file again.

        Without `resumable` no client will ever know its id, and nothing of it outlives a restart.

        Raises:
            Problem: TOOMANYREQUESTS.
        """
        mark = self._mark(repository)
        if self._full(mark):
            self._press()
            if self._full(mark):
                raise too_many_uploads()
        id = str(uuid.uuid4())
        path = self._path(repository, id) if resumable else temporary_name(self._folder)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        upload = Upload(id, path, 0, hashlib.new(algorithm))
        return self._remember(upload, mark)

    def find(self, repository: str, id: str) -> Upload:
        """The session, also one from before a restart.

        Raises:
            Problem: BLOB_UPLOAD_UNKNOWN.
        """
        if _ID.fullmatch(id) is None:
            raise upload_unknown(id)
        path = self._path(repository, id)
        if (upload := self._open.get(path)) is not None:
            return upload
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            raise upload_unknown(id) from None
        return self._remember(Upload(id, path, size, None if size else hashlib.sha256()), self._mark(repository))

    def finish(self, upload: Upload, digest: Digest, claim: set[Digest] | None = None) -> None:
        """Turn a claimed session into a blob. The session ends either way.

        Raises:
            Problem: DIGEST_INVALID.
            OSError
        """
        try:
            upload.seal(digest)
            self._blobs.adopt(upload.path, digest, claim)
        finally:
            self.drop(upload)

    def drop(self, upload: Upload) -> None:
        self._forget(upload.path)
        upload.path.unlink(missing_ok=True)

    def recover(self) -> int:
        """Remove what only an ended process could have gone on with; for the start of a server. How many."""
        return remove_temporary(self._folder)

    def expired(self, older_than: float = SESSION_LIFETIME) -> list[tuple[Path, int]]:
        """Sessions and temporary files that nobody has written to for so many seconds, and their bytes."""
        limit = time.time() - older_than
        found = []
        for entry in os.scandir(self._folder) if self._folder.is_dir() else ():
            try:
                seen = entry.stat()
            except FileNotFoundError:
                continue
            if seen.st_mtime < limit:
                found.append((Path(entry.path), seen.st_size))
        return found

    def expire(self, older_than: float = SESSION_LIFETIME) -> int:
        """Remove what is `expired`, unless a request is writing to it just now; how many."""
        removed = 0
        for path, _ in self.expired(older_than):
            upload = self._open.get(path)
            try:
                if upload is not None:
                    upload.claim()
            except Problem:
                continue
            try:
                self._forget(path)
                path.unlink(missing_ok=True)
                removed += 1
            finally:
                if upload is not None:
                    upload.release()
        return removed

    def written_since(self, repository: str, moment: float) -> bool:
        """Whether a session of this repository got a byte after `moment` (seconds since 1970)."""
        mark = self._mark(repository)
        for name in os.listdir(self._folder):  # noqa: PTH208
            try:
                if name.endswith(mark) and (self._folder / name).stat().st_mtime > moment:
                    return True
            except FileNotFoundError:
                continue
        return False

    def _full(self, mark: str) -> bool:
        return len(self._open) >= self.limits.uploads or self._numbers[mark] >= self.limits.uploads_per_repository

    def _press(self) -> None:
        """Remove sessions that nobody has gone on with for a while, but do not look for some at every request."""
        now = time.monotonic()
        if now - self._pressed >= _PRESS_EVERY:
            self._pressed = now
            self.expire(_PRESSED_LIFETIME)

    def _remember(self, upload: Upload, mark: str) -> Upload:
        """Count a session; the one that is known already when two requests found it at once."""
        with self._guard:
            known = self._open.setdefault(upload.path, upload)
            if known is upload:
                self._of[upload.path] = mark
                self._numbers[mark] += 1
            return known

    def _forget(self, path: Path) -> None:
        with self._guard:
            if self._open.pop(path, None) is not None:
                mark = self._of.pop(path)
                self._numbers[mark] -= 1
                if self._numbers[mark] <= 0:
                    del self._numbers[mark]

    def _path(self, repository: str, id: str) -> Path:
        return self._folder / f"{id}{self._mark(repository)}"

    def _mark(self, repository: str) -> str:
        return f".{hashlib.sha256(repository.encode()).hexdigest()[:16]}"
