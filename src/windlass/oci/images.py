"""The driver of `interface.Images`: what the flow asks of a registry, answered by the client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from windlass.model.artifacts import LayoutImage
from windlass.oci.client import RegistryClient
from windlass.oci.copy import tag
from windlass.oci.integrity import damage
from windlass.oci.interface import Progress, Upload
from windlass.oci.push import push

_SIDE_BY_SIDE = 4


class RegistryImages:
    """Images of one registry.

    Args:
        mount_from: repositories of the registry whose layers may be shared (those of the other services).
        ready: called before the registry is asked anything, each time; it may start it.
    """

    def __init__(
        self,
        client: RegistryClient,
        *,
        mount_from: Sequence[str] = (),
        ready: Callable[[], object] = lambda: None,
    ) -> None:
        self._client = client
        self._ready = ready
        self._mount_from = tuple(mount_from)

    def push(
        self, image: LayoutImage, repository: str, tags: Sequence[str], progress: Progress | None = None
    ) -> Upload:
        """Upload what is missing; the index by digest first, tags last.

        Images come here freshly built, sometimes because the one in the registry had lost a platform. A reproducible
        build has the digest of the damaged one, so an index that is there is looked into before it is believed: one
        request to a registry of Windlass's own.
        """
        self._ready()
        client = self._client
        whole = client.is_whole(repository, image.digest)
        if whole is None:
            there = client.head_manifest(repository, image.digest) is not None
            whole = there and damage(client, repository, image.digest) is None
        done = push(image, client, repository, tags, mount_from=self._mount_from, progress=progress, whole=whole)
        return Upload(done.digest, done.uploaded_bytes)

    def tag(self, repository: str, digest: str, tags: Sequence[str]) -> None:
        """Point tags at an image that is there, all its platforms with it; tags that point there already cost no write."""
        self._ready()
        tag(self._client, repository, digest, tags)

    def missing(self, images: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        self._ready()
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            there = pool.map(lambda image: self._client.head_manifest(*image) is not None, images)
            return frozenset(image for image, found in zip(images, there, strict=True) if not found)
