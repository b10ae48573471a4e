"""`index.json`: every tag of every repository, so that any tool that reads OCI image layouts reads the root, also when no
registry runs: `skopeo inspect oci:ROOT:platform:v1` (image-layout.md, `org.opencontainers.image.ref.name`).

The registry itself never reads it. It is derived from the repositories' own files, written a moment after they change
and anew when a registry starts, always as a whole; so it may lag behind, and a crash costs nothing. Writing it within
each push would make a push slower the more tags there are.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from windlass.registry.server.storage.durable import write_file
from windlass.registry.server.storage.manifests import OCI_INDEX
from windlass.registry.server.storage.storage import Storage

REF_NAME = "org.opencontainers.image.ref.name"
INDEX_NAME = "index.json"


def descriptors(storage: Storage, name: str) -> list[dict[str, Any]]:
    """The tags of one repository, as entries of an index."""
    repository = storage.repository(name)
    found = []
    for tag in repository.tags():
        digest = repository.resolve(tag)
        media_type = repository.media_type(digest) if digest is not None else None
        size = storage.blobs.size(digest) if digest is not None else None
        if media_type is not None and size is not None:
            annotations = {REF_NAME: f"{name}:{tag}"}
            found.append({"mediaType": media_type, "digest": digest, "size": size, "annotations": annotations})
    return found


def render(parts: dict[str, bytes]) -> bytes:
    """The whole file, from each repository's entries without their brackets."""
    entries = b",\n".join(parts[name] for name in sorted(parts) if parts[name])
    return b'{"schemaVersion":2,"mediaType":"%s","manifests":[\n%s\n]}\n' % (OCI_INDEX.encode(), entries)


def entries(storage: Storage, name: str) -> bytes:
    return b",\n".join(json.dumps(each, separators=(",", ":")).encode() for each in descriptors(storage, name))


class LayoutIndex:
    """Keeps `index.json` up. `changed` may be called from any thread; one at a time writes."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._path: Path = storage.root / INDEX_NAME
        self._parts: dict[str, bytes] | None = None
        self._stale: set[str] = set()
        self._writing = threading.Lock()
        self.wanted = threading.Event()

    def changed(self, name: str) -> None:
        self._stale.add(name)
        self.wanted.set()

    def write(self) -> bool:
        """Write what changed; False when the file says it already.

        Raises:
            OSError
        """
        with self._writing:
            self.wanted.clear()
            if self._parts is None:
                self._parts = {name: entries(self._storage, name) for name in self._storage.names()}
            while self._stale:
                name = self._stale.pop()
                self._parts[name] = entries(self._storage, name)
            data = render(self._parts)
            if _read(self._path) == data:
                return False
            write_file(self._path, data, self._storage.root / "uploads")
            return True


def is_current(storage: Storage) -> bool:
    """Whether `index.json` says what the repositories say."""
    return _read(storage.root / INDEX_NAME) == render({name: entries(storage, name) for name in storage.names()})


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
