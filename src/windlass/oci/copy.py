"""Within and between registries: new tags for an image that is there, and the same image somewhere else."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from windlass.oci.client import RegistryClient
from windlass.oci.layout import Stored, nested
from windlass.oci.manifest import Descriptor, Index
from windlass.oci.push import PARALLEL, Progress, Pushed, check_tags, gather, point, transfer
from windlass.oci.upload import Source


def tag(client: RegistryClient, repository: str, digest: str, tags: Sequence[str]) -> tuple[str, ...]:
    """Give an image more tags: the same manifest, so an index stays whole with all its platforms.

    Returns:
        The tags that had to be set; those that pointed there already are left alone.

    Raises:
        NotFound: no such image in the repository.
        RegistryUnavailable, CredentialsMissing, Rejected
    """
    check_tags(tags)
    names = tuple(dict.fromkeys(tags))
    if not names:
        return ()
    with ThreadPoolExecutor(min(PARALLEL, len(names)), thread_name_prefix="windlass-tag") as pool:
        now = gather(pool, lambda name: client.head_manifest(repository, name), names)
    wrong = tuple(name for name, found in zip(names, now, strict=True) if found is None or found.digest != digest)
    if wrong:
        point(client, repository, client.get_manifest(repository, digest), wrong)
    return wrong


def copy_between(
    origin: RegistryClient,
    origin_repository: str,
    digest: str,
    target: RegistryClient,
    repository: str,
    *,
    progress: Progress | None = None,
) -> Pushed:
    """Bring an image with all its platforms from one repository into another, of the same registry or not.

    Content streams through without touching the disk; within one registry blobs are mounted. Tags are not copied.

    Raises:
        NotFound: no such image.
        RegistryUnavailable, CredentialsMissing, Rejected, Malformed
    """
    if target.head_manifest(repository, digest) is not None:
        return Pushed(digest)
    stored = manifests_of(origin, origin_repository, digest)

    def source(blob: Descriptor) -> Source:
        return lambda offset: origin.blob(origin_repository, blob.digest, offset)

    mount_from = (origin_repository,) if origin.host == target.host else ()
    return transfer(stored, source, target, repository, mount_from=mount_from, progress=progress)


def manifests_of(client: RegistryClient, repository: str, digest: str) -> tuple[Stored, ...]:
    """All manifests of an image in a registry, children first, each once."""
    found: dict[str, Stored] = {}

    def visit(wanted: str, depth: int) -> None:
        stored = client.get_manifest(repository, wanted)
        if isinstance(stored.content, Index) and depth:
            for child in nested(stored.content):
                if child.digest not in found:
                    visit(child.digest, depth - 1)
        found[wanted] = stored

    visit(digest, 8)
    return tuple(found.values())
