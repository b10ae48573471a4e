"""What the storage knows about repositories, tags and manifests, as ACR shows it. Reads only; blocks on the disk."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from windlass.registry.server.acr.documents import ManifestInfo, Platform, RepositoryInfo, TagInfo
from windlass.registry.server.names import Digest, as_digest
from windlass.registry.server.problems import Problem, name_unknown
from windlass.registry.server.storage.attributes import REPOSITORY, of_manifest, of_tag
from windlass.registry.server.storage.manifests import INDEX_TYPES, parse_manifest
from windlass.registry.server.storage.repositories import Repository
from windlass.registry.server.storage.storage import Storage

_CONFIG_LIMIT = 4 * 1024 * 1024
_IMAGE_CONFIGS = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)


class Metadata:
    """Of one repository, which it holds on to: what was read stays good until the repository counts a change."""

    def __init__(self, storage: Storage, name: str) -> None:
        """Raises Problem NAME_UNKNOWN for a repository without a manifest."""
        self.repository: Repository = storage.known(name)
        self._counts = _counts(self.repository)
        self._blobs = storage.blobs
        if next(self.repository.manifests(), None) is None:
            raise name_unknown(name)

    @property
    def current(self) -> bool:
        return self._counts == _counts(self.repository)

    def about(self) -> RepositoryInfo:
        repository = self.repository
        created = repository.created() or 0
        return RepositoryInfo(
            repository.name,
            created,
            max(created, repository.updated() or 0),
            len(repository.tags()),
            sum(1 for _ in repository.manifests()),
            repository.attributes.read(REPOSITORY).attributes,
        )

    # What is to be listed: names in their order, and times of the last change with names in theirs.

    @cached_property
    def tag_times(self) -> list[tuple[int, str]]:
        hidden = {tag for tag, record in self.repository.attributes.tags() if not record.attributes.list}
        return sorted((moved, tag) for tag, moved in self.repository.tag_times().items() if tag not in hidden)

    @cached_property
    def tag_names(self) -> list[str]:
        return sorted(tag for _, tag in self.tag_times)

    @cached_property
    def manifest_times(self) -> list[tuple[int, Digest]]:
        hidden = {digest for digest, record in self.repository.attributes.manifests() if not record.attributes.list}
        times = self.repository.manifest_times()
        return sorted((written, digest) for digest, written in times.items() if digest not in hidden)

    @cached_property
    def manifest_digests(self) -> list[Digest]:
        return sorted(digest for _, digest in self.manifest_times)

    @cached_property
    def tags_by_digest(self) -> dict[Digest, list[str]]:
        """All tags, also those that are not to be listed."""
        found = defaultdict(list)
        for tag in self.repository.tags():
            if (digest := self.repository.resolve(tag)) is not None:
                found[digest].append(tag)
        return dict(found)

    def tag(self, name: str) -> TagInfo | None:
        digest = self.repository.resolve(name)
        moved = self.repository.tag_time(name)
        if digest is None or moved is None or not self.repository.has_manifest(digest):
            return None
        record = self.repository.attributes.read(of_tag(name))
        return TagInfo(name, digest, record.created if record.created is not None else moved, moved, record.attributes)

    def tags(self, names: Iterable[str]) -> list[TagInfo]:
        """Those of the names that are still there."""
        return [found for name in names if (found := self.tag(name)) is not None]

    def manifests(self, digests: Iterable[Digest]) -> list[ManifestInfo]:
        """Those of the digests that are still there."""
        return [found for digest in digests if (found := self.manifest(digest)) is not None]

    def manifest(self, digest: Digest) -> ManifestInfo | None:
        written = self.repository.manifest_time(digest)
        media_type = self.repository.media_type(digest)
        if written is None or media_type is None:
            return None
        record = self.repository.attributes.read(of_manifest(digest))
        document = self._document(digest)
        config = _mapping(document.get("config"))
        config_type = _text(config.get("mediaType"))
        runs_on = self._runs_on(config, config_type)
        artifact_type = _text(document.get("artifactType"))
        return ManifestInfo(
            digest,
            media_type,
            self._size(digest, media_type, set()),
            record.created if record.created is not None else written,
            written,
            record.attributes,
            tuple(self.tags_by_digest.get(digest, ())),
            _text(runs_on.get("architecture")),
            _text(runs_on.get("os")),
            config_type,
            artifact_type,
            _platforms(document) if media_type in INDEX_TYPES else (),
        )

    def _document(self, digest: Digest) -> Mapping[str, Any]:
        """A manifest's JSON; empty when it is damaged."""
        try:
            return _mapping(json.loads(self._blobs.read(digest) or b"{}"))
        except (ValueError, RecursionError):
            return {}

    def _runs_on(self, config: Mapping[str, Any], config_type: str | None) -> Mapping[str, Any]:
        """The configuration of an image, for its platform."""
        digest = as_digest(_text(config.get("digest")) or "")
        if config_type not in _IMAGE_CONFIGS or digest is None or not self.repository.has_blob(digest):
            return {}
        if (self._blobs.size(digest) or 0) > _CONFIG_LIMIT:
            return {}
        return self._document(digest)

    def _size(self, digest: Digest, media_type: str, counted: set[Digest]) -> int:
        """Bytes of a manifest with everything below it, each blob once, as far as it is here."""
        data = self._blobs.read(digest)
        if data is None or digest in counted:
            return 0
        counted.add(digest)
        try:
            manifest = parse_manifest(data, media_type)
        except Problem:
            return len(data)
        size = len(data)
        for need in (*manifest.blobs, *manifest.children):
            below = self.repository.media_type(need.digest) if need in manifest.children else None
            if below is not None:
                size += self._size(need.digest, below, counted)
            elif need.digest not in counted:
                counted.add(need.digest)
                size += need.size
        return size


def _counts(repository: Repository) -> tuple[int, int, int]:
    return repository.pushes, repository.removals, repository.attributes.changes


def _platforms(document: Mapping[str, Any]) -> tuple[Platform, ...]:
    entries = document.get("manifests")
    found = []
    for entry in entries if isinstance(entries, list) else ():
        platform = _mapping(_mapping(entry).get("platform"))
        if digest := _text(_mapping(entry).get("digest")):
            found.append(Platform(digest, _text(platform.get("architecture")), _text(platform.get("os"))))
    return tuple(found)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
