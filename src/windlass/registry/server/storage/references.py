"""Which content stored manifests speak of, and which manifests need some content."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass

from windlass.registry.server.names import Digest, as_digest
from windlass.registry.server.problems import Problem
from windlass.registry.server.storage.manifests import parse_manifest
from windlass.registry.server.storage.repositories import Repository
from windlass.registry.server.storage.storage import Storage

_DIGESTS = re.compile(rb'"(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})"')


def mentioned(data: bytes) -> set[Digest]:
    """Every digest that is a string of its own anywhere in a manifest: rather too much than too little, and quick.

    That includes layers with addresses of their own, a subject and annotations, whose content is kept where it is here.

    Raises:
        ValueError: it is not JSON (only noticed where the text needs decoding).
    """
    if b"\\" not in data:
        return {Digest(found.decode()) for found in _DIGESTS.findall(data)}
    found: set[Digest] = set()
    waiting: list[object] = [json.loads(data)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend((*value.keys(), *value.values()))
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, str) and (digest := as_digest(value)) is not None:
            found.add(digest)
    return found


@dataclass(frozen=True, slots=True)
class Dependent:
    """A manifest that needs some content, directly or through an index's other manifests, and the tags that point to it."""

    repository: str
    manifest: Digest
    tags: tuple[str, ...]


def dependents(storage: Storage, digests: Collection[Digest]) -> dict[Digest, tuple[Dependent, ...]]:
    """Which manifests are, or need, each of these digests; a digest that nothing needs is left out."""
    found: dict[Digest, list[Dependent]] = {}
    for name in storage.folders() if digests else ():
        repository = storage.repository(name)
        users = _users(storage, repository)
        tags = _tags(repository)
        for digest in digests:
            reached: set[Digest] = set()
            waiting = [digest] if repository.has_manifest(digest) else list(users.get(digest, ()))
            while waiting:
                manifest = waiting.pop()
                if manifest not in reached:
                    reached.add(manifest)
                    waiting.extend(users.get(manifest, ()))
            for manifest in sorted(reached):
                found.setdefault(digest, []).append(Dependent(name, manifest, tuple(tags.get(manifest, ()))))
    return {digest: tuple(each) for digest, each in found.items()}


def needed(storage: Storage, repository: Repository, manifest: Digest) -> set[Digest] | None:
    """What a stored manifest must have here; None when it cannot be read."""
    data, media_type = storage.blobs.read(manifest), repository.media_type(manifest)
    try:
        if data is None or media_type is None:
            return None
        parsed = parse_manifest(data, media_type)
    except Problem:
        return None
    return {need.digest for need in (*parsed.blobs, *parsed.children)}


def _users(storage: Storage, repository: Repository) -> dict[Digest, list[Digest]]:
    users: dict[Digest, list[Digest]] = {}
    for manifest in repository.manifests():
        for digest in needed(storage, repository, manifest) or ():
            users.setdefault(digest, []).append(manifest)
    return users


def _tags(repository: Repository) -> dict[Digest, list[str]]:
    tags: dict[Digest, list[str]] = {}
    for tag in repository.tags():
        if (digest := repository.resolve(tag)) is not None:
            tags.setdefault(digest, []).append(tag)
    return tags
