"""The content store: every blob once, under its digest, in the shape of an OCI image layout."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from windlass.registry.durable import make_folders, sync_folder, write_file
from windlass.registry.names import ALGORITHMS, Digest, split_digest

_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
_INDEX = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
_BLOCK = 1024 * 1024


class BlobStore:
    """Files named by their digest. A file gets its name only after its content was hashed and synced, so a name is a promise.

    Which repository may see a blob is not decided here.
    """

    def __init__(self, root: Path) -> None:
        self._folders = {name: root / "blobs" / name for name in ALGORITHMS}
        self._scratch = root / "uploads"
        self._root = root

    def prepare(self) -> None:
        """Create the folders and the two files that make `root` an OCI image layout (image-layout.md).

        Raises:
            OSError
        """
        for folder in (*self._folders.values(), self._scratch):
            make_folders(folder)
        for name, data in (("oci-layout", _LAYOUT), ("index.json", _INDEX)):
            if not (self._root / name).exists():
                write_file(self._root / name, data, self._scratch)

    def path(self, digest: Digest) -> str:
        algorithm, encoded = split_digest(digest)
        return f"{self._folders[algorithm]}/{encoded}"

    def size(self, digest: Digest) -> int | None:
        """Bytes, or None when it is not here."""
        try:
            return os.stat(self.path(digest)).st_size  # noqa: PTH116 (a hot path)
        except FileNotFoundError:
            return None

    def read(self, digest: Digest) -> bytes | None:
        try:
            return Path(self.path(digest)).read_bytes()
        except FileNotFoundError:
            return None

    def adopt(self, file: Path, digest: Digest) -> None:
        """Take over a synced file whose content has this digest; the file's own name is gone afterwards.

        A blob that is there with the same size is kept, and marked as used now.
        """
        target = Path(self.path(digest))
        if self.size(digest) == file.stat().st_size:
            os.utime(target)
            file.unlink()
            return
        file.replace(target)
        sync_folder(target.parent)

    def put(self, data: bytes, digest: Digest) -> None:
        """Store bytes that have this digest (the caller computed it)."""
        target = Path(self.path(digest))
        if self.size(digest) == len(data):
            os.utime(target)
            return
        write_file(target, data, self._scratch)


def hash_file(path: Path, algorithm: str) -> Digest:
    """The digest of a file, read in blocks."""
    hasher = hashlib.new(algorithm)
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            hasher.update(block)
    return Digest(f"{algorithm}:{hasher.hexdigest()}")
