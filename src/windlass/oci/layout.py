"""Reading an OCI image layout on disk (OCI image specification, "Image Layout")."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from windlass.oci import digest as digests
from windlass.oci import manifest as manifests
from windlass.oci.faults import Malformed, NotFound
from windlass.oci.manifest import Content, Descriptor, Index, Manifest

_DEEPEST = 8  # nested indexes; real images have one or two levels


@dataclass(frozen=True, slots=True)
class Stored:
    """A manifest as it lies in a layout or registry: its descriptor, its exact bytes, and what they say."""

    descriptor: Descriptor
    body: bytes
    content: Content


class Layout:
    """An image layout. `folder` holds `index.json` and `blobs/`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def index(self) -> Index:
        """The layout's own `index.json`.

        Raises:
            NotFound: the folder is no image layout.
            Malformed: the file is damaged.
        """
        file = self.folder / "index.json"
        try:
            body = file.read_bytes()
        except OSError as error:
            raise NotFound("this is not an OCI image layout: it has no index.json", where=str(self.folder)) from error
        content = manifests.parse(body, manifests.OCI_INDEX, str(file))
        assert isinstance(content, Index)
        return content

    def blob(self, digest: str) -> Path:
        """Where a blob lies, whether or not it exists.

        Raises:
            Malformed: the digest is none.
        """
        algorithm, _, value = digests.require(digest, str(self.folder)).partition(":")
        return self.folder / "blobs" / algorithm / value

    def read(self, digest: str, media_type: str | None = None) -> Stored:
        """A manifest or index, its digest verified.

        Raises:
            NotFound: it is not in the layout.
            Malformed: it is damaged.
        """
        file = self.blob(digest)
        try:
            body = file.read_bytes()
        except OSError as error:
            raise NotFound(
                f"the image layout has no {digests.short(digest)}",
                where=str(self.folder),
                remedy="build the image again",
            ) from error
        if not digests.matches(body, digest):
            raise Malformed("the file's content has another digest", where=str(file), remedy="build the image again")
        content = manifests.parse(body, media_type, str(file))
        return Stored(Descriptor(content.media_type, digest, len(body)), body, content)

    def child(self, digest: str, platform: str) -> Descriptor | None:
        """The manifest for one platform (`linux/arm64`) below an index, nested ones included; None when there is none.

        An image that is a single manifest has itself for a child, whatever the platform: its manifest does not say.
        """
        stored = self.read(digest)
        if isinstance(stored.content, Manifest):
            return stored.descriptor
        return self._find(stored.content, manifests.parse_platform(platform), _DEEPEST)

    def _find(self, index: Index, platform: manifests.Platform, depth: int) -> Descriptor | None:
        if found := index.find(platform):
            return found
        for child in index.manifests:
            if child.is_index and depth:
                content = self.read(child.digest, child.media_type).content
                if isinstance(content, Index) and (found := self._find(content, platform, depth - 1)):
                    return found
        return None

    def manifests(self, digest: str) -> tuple[Stored, ...]:
        """All manifests of an image, children before the index that names them, each once; the last one is `digest` itself."""
        found: dict[str, Stored] = {}
        for stored in self._walk(digest, None, _DEEPEST):
            found.setdefault(stored.descriptor.digest, stored)
        return tuple(found.values())

    def _walk(self, digest: str, media_type: str | None, depth: int) -> Iterator[Stored]:
        stored = self.read(digest, media_type)
        if isinstance(stored.content, Index):
            if not depth:
                raise Malformed(f"indexes are nested deeper than {_DEEPEST}", where=str(self.folder))
            for child in nested(stored.content):
                yield from self._walk(child.digest, child.media_type, depth - 1)
        yield stored

    def blobs(self, digest: str) -> tuple[Descriptor, ...]:
        """All blobs of an image (configurations and layers of every platform), each once, in the order of its manifests."""
        return blobs_of(self.manifests(digest))

    def size(self, digest: str) -> int:
        """Bytes of an image in all: manifests and blobs, each counted once."""
        stored = self.manifests(digest)
        return sum(len(one.body) for one in stored) + sum(blob.size for blob in blobs_of(stored))


def nested(index: Index) -> tuple[Descriptor, ...]:
    """The children of an index that are manifests themselves. BuildKit's caches list plain blobs in an index too."""
    return tuple(child for child in index.manifests if child.is_manifest or not child.media_type)


def blobs_of(stored: tuple[Stored, ...]) -> tuple[Descriptor, ...]:
    """The blobs of some manifests, each once."""
    found: dict[str, Descriptor] = {}
    for one in stored:
        if isinstance(one.content, Manifest):
            blobs = one.content.blobs
        else:
            manifests_below = nested(one.content)
            blobs = tuple(child for child in one.content.manifests if child not in manifests_below)
        for blob in blobs:
            found.setdefault(blob.digest, blob)
    return tuple(found.values())
