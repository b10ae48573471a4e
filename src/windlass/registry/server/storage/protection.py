"""What attributes forbid. Every way to remove, overwrite or pull something asks here, with the repository's lock held.

A lock protects what it is set on with everything that belongs to it: a locked tag its manifest, a locked index the
manifests of its platforms, a locked manifest its blobs, a locked repository all of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from windlass.registry.server.names import Digest
from windlass.registry.server.problems import Problem
from windlass.registry.server.storage.attributes import REPOSITORY, of_manifest, of_tag
from windlass.registry.server.storage.blobs import BlobStore
from windlass.registry.server.storage.manifests import Manifest, parse_manifest
from windlass.registry.server.storage.repositories import Repository


def disallowed(reason: str) -> Problem:
    """The refusal ACR gives for whatever is locked."""
    message = f"The operation is disallowed on this registry, repository or image: {reason}"
    return Problem(405, "REGISTRY_DISALLOWED_OPERATION", message, {})


def check_read(repository: Repository, reference: str, digest: Digest) -> None:
    """Refuse to hand out a manifest, by tag or digest, that may not be read."""
    check_pull(repository)
    if ":" not in reference and not repository.attributes.read(of_tag(reference)).attributes.read:
        raise disallowed(f"the tag {reference} may not be read")
    if not repository.attributes.read(of_manifest(digest)).attributes.read:
        raise disallowed("the manifest may not be read")


def check_pull(repository: Repository) -> None:
    """Refuse to hand out anything of a repository that may not be read."""
    if not repository.attributes.read(REPOSITORY).attributes.read:
        raise disallowed("the repository may not be read")


def check_put(repository: Repository, digest: Digest, media_type: str, tags: Iterable[str]) -> None:
    """Refuse a push that would change something locked. One that changes nothing is let through."""
    known = repository.media_type(digest)
    moved = [tag for tag in tags if repository.resolve(tag) != digest]
    if known == media_type and not moved:
        return
    if not repository.attributes.read(REPOSITORY).attributes.write:
        raise disallowed("the repository is locked")
    if (
        known is not None
        and known != media_type
        and not repository.attributes.read(of_manifest(digest)).attributes.write
    ):
        raise disallowed("the manifest is locked")
    for tag in moved:
        if repository.resolve(tag) is not None and not repository.attributes.read(of_tag(tag)).attributes.write:
            raise disallowed(f"the tag {tag} is locked")


def check_delete_tag(repository: Repository, tag: str) -> None:
    _check_repository(repository)
    if repository.attributes.read(of_tag(tag)).attributes.locked:
        raise disallowed(f"the tag {tag} is locked")


def check_delete_manifest(repository: Repository, digest: Digest, blobs: BlobStore) -> None:
    """Refuse to remove a manifest that is locked, that a locked tag points to, or that a locked index needs."""
    _check_repository(repository)
    if (reason := _protected(repository, blobs).get(digest)) is not None:
        raise disallowed(reason)


def check_delete_blob(repository: Repository, digest: Digest, blobs: BlobStore) -> None:
    _check_repository(repository)
    if (reason := _protected(repository, blobs).get(digest)) is not None:
        raise disallowed(reason)


def check_delete_repository(repository: Repository) -> None:
    """Refuse to remove a repository that is locked or holds anything locked."""
    _check_repository(repository)
    for locked, reason in _locked(repository):
        raise disallowed(f"it holds {locked}, and {reason}")


def _check_repository(repository: Repository) -> None:
    if repository.attributes.read(REPOSITORY).attributes.locked:
        raise disallowed("the repository is locked")


def _protected(repository: Repository, blobs: BlobStore) -> dict[Digest, str]:
    """Everything that locked manifests and tags protect, each with the reason; read again only after something changed.

    A removal changes nothing about it, for nothing that is protected is removed.
    """
    count = (repository.pushes, repository.attributes.changes)
    if repository.protected is not None and repository.protected[0] == count:
        return repository.protected[1]
    found: dict[Digest, str] = {}
    for locked, reason in _locked(repository):
        found[locked] = reason
        for digest, manifest in _below(repository, locked, blobs):
            for part in (digest, *(need.digest for need in (*manifest.blobs, *manifest.children))):
                found.setdefault(part, f"it is part of {locked}, and {reason}")
    repository.protected = (count, found)
    return found


def _locked(repository: Repository) -> Iterator[tuple[Digest, str]]:
    """Manifests that are locked themselves or by a tag, each with the reason."""
    for tag, record in repository.attributes.tags():
        if record.attributes.locked and (digest := repository.resolve(tag)) is not None:
            yield digest, f"the tag {tag} is locked"
    for digest, record in repository.attributes.manifests():
        if record.attributes.locked and repository.has_manifest(digest):
            yield digest, f"the manifest {digest} is locked"


def _below(repository: Repository, digest: Digest, blobs: BlobStore) -> Iterator[tuple[Digest, Manifest]]:
    """A manifest and, for an index, all below it, as far as they are here and undamaged."""
    seen: set[Digest] = set()
    waiting = [digest]
    while waiting:
        digest = waiting.pop()
        if digest in seen or (media_type := repository.media_type(digest)) is None:
            continue
        seen.add(digest)
        data = blobs.read(digest)
        try:
            manifest = parse_manifest(data or b"", media_type)
        except Problem:
            continue
        yield digest, manifest
        waiting.extend(child.digest for child in manifest.children)
