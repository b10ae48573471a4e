"""Whether images are here whole. A plan asks that of hundreds at once, again and again, so what an image needs is remembered:
content is named by its digest and never changes, only whether it is there has to be looked at each time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TypeAlias

from windlass.registry.server.names import Digest
from windlass.registry.server.storage.blobs import BlobStore, is_intact
from windlass.registry.server.storage.manifests import parse_manifest
from windlass.registry.server.storage.repositories import Repository

_DEEPEST = 8
_MOST = 20_000
"""Images whose needs are kept in memory, a few hundred bytes each."""

Mark: TypeAlias = "int | tuple[int, int, int] | None"
"""What must be seen of a file: its size; its inode, time and size (read, and undamaged); or that it is there."""


@dataclass(frozen=True, slots=True)
class _Need:
    path: str
    mark: Mark

    def seen(self) -> bool:
        try:
            found = os.stat(self.path)  # noqa: PTH116 (a hot path)
        except OSError:
            return False
        if isinstance(self.mark, tuple):
            return self.mark == (found.st_ino, found.st_mtime_ns, found.st_size)
        return self.mark is None or self.mark == found.st_size


class Wholeness:
    """Safe to be asked by several threads."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._known: dict[tuple[str, Digest], tuple[_Need, ...]] = {}

    def holds(self, repository: Repository, digest: Digest) -> bool:
        """Whether every manifest of an image is here undamaged, and every blob with its size."""
        key = (repository.name, digest)
        needs = self._known.get(key)
        if needs is None or not all(need.seen() for need in needs):
            needs = self._needs(repository, digest, _DEEPEST)
            if needs is None or not all(need.seen() for need in needs):
                self._known.pop(key, None)
                return False
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[key] = needs
        return True

    def _needs(self, repository: Repository, digest: Digest, depth: int) -> tuple[_Need, ...] | None:
        """All that an image needs; None where a manifest is missing or damaged."""
        path = self._blobs.path(digest)
        media_type = repository.media_type(digest)
        try:
            before = os.stat(path)  # noqa: PTH116
        except OSError:
            return None
        data = self._blobs.read(digest) if media_type is not None else None
        if data is None or not is_intact(data, digest):
            return None
        needs = [
            _Need(path, (before.st_ino, before.st_mtime_ns, before.st_size)),
            _Need(repository.manifest_link(digest), None),
        ]
        manifest = parse_manifest(data, media_type)
        for blob in manifest.blobs:
            needs += [_Need(repository.blob_link(blob.digest), None), _Need(self._blobs.path(blob.digest), blob.size)]
        for child in manifest.children:
            needs.append(_Need(self._blobs.path(child.digest), child.size))
            if repository.has_blob(child.digest):  # entries of build caches are blobs
                needs.append(_Need(repository.blob_link(child.digest), None))
                continue
            below = self._needs(repository, child.digest, depth - 1) if depth else ()
            if below is None:
                return None
            needs += [_Need(repository.manifest_link(child.digest), None), *below]
        return tuple(needs)
