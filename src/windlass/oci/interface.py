"""What the flow asks of a registry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from windlass.model.artifacts import LayoutImage

Progress: TypeAlias = Callable[[int, int], None]
"""Told (bytes done, bytes to do) as an upload goes on, from several threads, one call at a time."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An image that is in the registry now. `uploaded` counts the bytes that had to be sent."""

    digest: str
    uploaded: int


class Images(Protocol):
    """Drivers: `oci.images.RegistryImages` and `testing.images.FakeImages`. Repositories come without the host.

    All methods raise RegistryUnavailable and CredentialsMissing.
    """

    def push(
        self, image: LayoutImage, repository: str, tags: Sequence[str], progress: Progress | None = None
    ) -> Upload:
        """Upload what is missing; the index by digest first, tags last. `progress` hears of the bytes, where there are any."""

    def tag(self, repository: str, digest: str, tags: Sequence[str]) -> None:
        """Point tags at an image that is there, all its platforms with it; tags that point there already cost no write."""

    def missing(self, images: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Those of some images (repository, digest) that are not there."""
