"""What a registry's root holds, for people and for retention. Read from disk; a server may go on serving meanwhile."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from windlass.registry.manifests import Manifest, parse_manifest
from windlass.registry.names import ALGORITHMS, Digest
from windlass.registry.problems import Problem
from windlass.registry.repositories import Repository
from windlass.registry.storage import Storage


@dataclass(frozen=True, slots=True)
class TagEntry:
    """`moved` is when the tag was last pointed elsewhere, in seconds since 1970."""

    name: str
    digest: Digest
    moved: float


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """A manifest of a repository. `size` in bytes, of the manifest alone; `content` is None when it is damaged."""

    digest: Digest
    media_type: str
    size: int
    content: Manifest | None


@dataclass(frozen=True, slots=True)
class RepositoryEntry:
    name: str
    tags: tuple[TagEntry, ...]
    manifests: tuple[ManifestEntry, ...]


@dataclass(frozen=True, slots=True)
class Inventory:
    """`blobs` maps every stored blob, used or not, to its size in bytes: their sum is what the disk holds."""

    repositories: tuple[RepositoryEntry, ...]
    blobs: dict[Digest, int]

    @property
    def stored(self) -> int:
        return sum(self.blobs.values())


def inventory(root: Path) -> Inventory:
    """Everything under a root; empty when there is none.

    Raises:
        OSError
    """
    storage = Storage(root)
    if not (root / "repositories").is_dir():
        return Inventory((), {})
    names = storage.names()
    return Inventory(tuple(_repository(storage, storage.repository(name)) for name in names), _blobs(root))


def _repository(storage: Storage, repository: Repository) -> RepositoryEntry:
    tags = []
    for tag in repository.tags():
        digest, moved = repository.resolve(tag), repository.tagged_at(tag)
        if digest is not None and moved is not None and repository.media_type(digest) is not None:
            tags.append(TagEntry(tag, digest, moved))
    manifests = []
    for digest in repository.manifests():
        media_type = repository.media_type(digest)
        if media_type is not None:
            data = storage.blobs.read(digest)
            manifests.append(ManifestEntry(digest, media_type, len(data or b""), _content(data, media_type)))
    return RepositoryEntry(repository.name, tuple(tags), tuple(manifests))


def _content(data: bytes | None, media_type: str) -> Manifest | None:
    try:
        return parse_manifest(data, media_type) if data is not None else None
    except Problem:
        return None


def _blobs(root: Path) -> dict[Digest, int]:
    found: dict[Digest, int] = {}
    for algorithm in ALGORITHMS:
        folder = root / "blobs" / algorithm
        if folder.is_dir():
            for entry in os.scandir(folder):
                try:
                    found[Digest(f"{algorithm}:{entry.name}")] = entry.stat().st_size
                except FileNotFoundError:
                    continue
    return found
