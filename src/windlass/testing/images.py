"""Images to test with: a publisher without a registry, and small image layouts."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from windlass.model.artifacts import LayoutImage
from windlass.oci import reference as references
from windlass.oci.faults import InvalidReference, NotFound
from windlass.oci.interface import Progress, Upload
from windlass.oci.layout import Layout
from windlass.oci.manifest import OCI_INDEX, OCI_MANIFEST, canonical

_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_PACKED = f"{_LAYER}+gzip"


class FakeImages:
    """`published` holds (repository, digest) pairs, `tags` maps (repository, tag) to a digest, `moves` lists every write of a tag."""

    def __init__(self) -> None:
        self.published: set[tuple[str, str]] = set()
        self.tags: dict[tuple[str, str], str] = {}
        self.moves: list[tuple[str, str, str]] = []
        self._blobs: set[str] = set()

    def push(
        self, image: LayoutImage, repository: str, tags: Sequence[str], progress: Progress | None = None
    ) -> Upload:
        _check(tags)
        fresh = [blob for blob in Layout(image.layout).blobs(image.digest) if blob.digest not in self._blobs]
        self._blobs.update(blob.digest for blob in fresh)
        self.published.add((repository, image.digest))
        self.tag(repository, image.digest, tags)
        size = sum(blob.size for blob in fresh)
        if progress is not None and size:
            progress(size, size)
        return Upload(image.digest, size)

    def tag(self, repository: str, digest: str, tags: Sequence[str]) -> None:
        _check(tags)
        if (repository, digest) not in self.published:
            raise NotFound(f"the registry has no {repository}@{digest}")
        for tag in tags:
            if self.tags.get((repository, tag)) != digest:
                self.tags[repository, tag] = digest
                self.moves.append((repository, tag, digest))

    def missing(self, images: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        return frozenset(images) - self.published


def make_image(
    folder: Path,
    *,
    name: str = "image",
    platforms: Sequence[str] = ("linux/amd64", "linux/arm64"),
    layers: int = 2,
    size: int = 2000,
    shared: bytes = b"shared by all images\n",
    config: dict[str, Any] | None = None,
    real: bool = False,
) -> LayoutImage:
    """Write an image into a layout, always the same one for the same arguments.

    Each platform has `layers` layers of `size` bytes of its own, made from `name`, and one with the bytes `shared`.
    `config` is the `config` object of the image configuration (`OnBuild`, `Env`, …). Layers of a `real` image are compressed
    archives with a file `layer-N` of these bytes each, which engines can unpack.
    """
    children: list[dict[str, Any]] = []
    for platform in platforms:
        os, architecture, *variant = platform.split("/")
        own = {"os": os, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
        contents = [shared, *(_noise(f"{name} {platform} {number}", size) for number in range(layers))]
        filled: dict[str, Any] = {**own, "config": config or {}}
        if real:
            archives = [_archive(f"layer-{number}", content) for number, content in enumerate(contents)]
            hashes = [f"sha256:{hashlib.sha256(archive).hexdigest()}" for archive in archives]
            filled["rootfs"] = {"type": "layers", "diff_ids": hashes}
            stack = [_blob(folder, gzip.compress(archive, 1, mtime=0), _PACKED) for archive in archives]
        else:
            stack = [_blob(folder, content, _LAYER) for content in contents]
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": _blob(folder, canonical(filled), _CONFIG),
            "layers": stack,
        }
        children.append({**_blob(folder, canonical(document), OCI_MANIFEST), "platform": own})
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}
    top = _blob(folder, canonical(index), OCI_INDEX)
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [top]}))
    return LayoutImage(folder, top["digest"])


def _blob(folder: Path, data: bytes, media_type: str) -> dict[str, Any]:
    value = hashlib.sha256(data).hexdigest()
    place = folder / "blobs" / "sha256"
    place.mkdir(parents=True, exist_ok=True)
    (place / value).write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{value}", "size": len(data)}


def _archive(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def _noise(seed: str, size: int) -> bytes:
    return hashlib.shake_256(seed.encode()).digest(size)


def _check(tags: Sequence[str]) -> None:
    for tag in tags:
        if not references.is_tag(tag):
            raise InvalidReference(f"'{tag[:80]}' is not a tag")
