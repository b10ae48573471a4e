"""Bringing manifests with everything they name from one repository to another, of the same registry or not."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from windlass.oci.client import RegistryClient
from windlass.oci.integrity import damage
from windlass.oci.interface import Progress
from windlass.oci.layout import Stored, blobs_of, nested
from windlass.oci.manifest import Descriptor, Index
from windlass.oci.push import PARALLEL, Pushed, transfer
from windlass.oci.upload import Source


@dataclass(frozen=True, slots=True)
class Place:
    """A repository of a registry, named without the host."""

    client: RegistryClient
    repository: str

    def same(self, other: Place) -> bool:
        return (self.client.host, self.repository) == (other.client.host, other.repository)


def bring(stored: Sequence[Stored], origin: Place, target: Place, progress: Progress | None = None) -> Pushed:
    """Copy manifests (the last one names the others) with their blobs, unless they are there, whole.

    An image that is there and has lost a platform is mended; in a registry of Windlass's own, which tells, also one that
    has lost a layer.

    Raises:
        RegistryUnavailable, CredentialsMissing, NotFound, Rejected, Malformed
    """
    digest = stored[-1].descriptor.digest
    whole = target.client.is_whole(target.repository, digest)
    if whole is None and target.client.head_manifest(target.repository, digest) is not None:
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="windlass-look") as pool:
            whole = damage(target.client, target.repository, digest, pool) is None
    if whole:
        return Pushed(digest, present=len(blobs_of(tuple(stored))))
    return send(stored, origin, target, progress)


def send(stored: Sequence[Stored], origin: Place, target: Place, progress: Progress | None = None) -> Pushed:
    """The same without asking first whether the image is there; blobs that are there are not sent."""

    def source(blob: Descriptor) -> Source:
        return lambda offset: origin.client.blob(origin.repository, blob.digest, offset)

    mount_from = (origin.repository,) if origin.client.host == target.client.host else ()
    return transfer(stored, source, target.client, target.repository, mount_from=mount_from, progress=progress)


def manifests_of(
    client: RegistryClient, repository: str, digest: str, root: Stored | None = None
) -> tuple[Stored, ...]:
    """All manifests of an image in a registry, children first, each once. `root` is the image's own, if it is known."""
    found: dict[str, Stored] = {}

    def visit(wanted: str, depth: int) -> None:
        known = root if root is not None and root.descriptor.digest == wanted else None
        stored = known or client.get_manifest(repository, wanted)
        if isinstance(stored.content, Index) and depth:
            for child in nested(stored.content):
                if child.digest not in found:
                    visit(child.digest, depth - 1)
        found[wanted] = stored

    visit(digest, 8)
    return tuple(found.values())
