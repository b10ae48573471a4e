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
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from windlass.registry.blobs import BlobStore, hash_file
from windlass.registry.durable import write_many
from windlass.registry.names import Digest, split_digest
from windlass.registry.problems import Problem, digest_invalid, upload_unknown

if TYPE_CHECKING:
    from hashlib import _Hash

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SESSION_LIFETIME = 24 * 3600.0
"""Seconds without a byte after which a session may be removed."""


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
        if actual != digest:
            raise digest_invalid(digest, "provided digest did not match uploaded content")
        os.fsync(self._open_file())

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

    def __init__(self, root: Path, blobs: BlobStore) -> None:
        self._folder = root / "uploads"
        self._blobs = blobs
        self._open: dict[Path, Upload] = {}

    def start(self, repository: str, algorithm: str = "sha256") -> Upload:
        """Open a session. `algorithm` is only a guess of the final digest's: another one costs reading the file again."""
        id = str(uuid.uuid4())
        path = self._path(repository, id)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        upload = self._open[path] = Upload(id, path, 0, hashlib.new(algorithm))
        return upload

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
        return self._open.setdefault(path, Upload(id, path, size, None if size else hashlib.sha256()))

    def finish(self, upload: Upload, digest: Digest) -> None:
        """Turn a claimed session into a blob. The session ends either way.

        Raises:
            Problem: DIGEST_INVALID.
            OSError
        """
        try:
            upload.seal(digest)
            self._blobs.adopt(upload.path, digest)
        finally:
            self.drop(upload)

    def drop(self, upload: Upload) -> None:
        self._open.pop(upload.path, None)
        upload.path.unlink(missing_ok=True)

    def expire(self, older_than: float = SESSION_LIFETIME) -> int:
        """Remove sessions and temporary files that nobody has written to for so many seconds; how many."""
        limit = time.time() - older_than
        removed = 0
        for entry in os.scandir(self._folder):
            path = Path(entry.path)
            try:
                if entry.stat().st_mtime < limit:
                    self._open.pop(path, None)
                    path.unlink()
                    removed += 1
            except FileNotFoundError:
                continue
        return removed

    def _path(self, repository: str, id: str) -> Path:
        mark = hashlib.sha256(repository.encode()).hexdigest()[:16]
        return self._folder / f"{id}.{mark}"
