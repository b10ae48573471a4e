"""Images from the builder's OCI image layouts onto the engine.

`docker load` reads an OCI image layout as a tar archive (image-spec, image-layout; Docker 25 and later).
"""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from pathlib import Path

from windlass import process
from windlass.errors import EngineUnavailable
from windlass.model.artifacts import LayoutImage
from windlass.oci.layout import Layout

PREFIX = "windlass-dev"
"""Repositories of images that exist on this machine only."""


def local_name(project: str, image: str, digest: str) -> str:
    """The name of an image built from the checkout: another content is another name, so Compose sees what changed."""
    return f"{PREFIX}/{project}/{image}:{digest.partition(':')[2][:12]}"


def load_image(image: LayoutImage, name: str) -> None:
    """Give the engine an image under a name; quick when it has it.

    Raises:
        EngineUnavailable: the engine does not take it.
    """
    if process.run(["docker", "image", "inspect", "--format", "{{.Id}}", name]).ok:
        return
    with tempfile.NamedTemporaryFile(prefix="windlass-", suffix=".tar") as archive:
        pack(image, name, Path(archive.name))
        done = process.run(["docker", "load", "--quiet", "--input", archive.name])
    if not done.ok:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise EngineUnavailable(
            f"the engine does not take the image {name}: {said}", remedy="it needs Docker 25 or later; docker version"
        )


def pack(image: LayoutImage, name: str, archive: Path) -> None:
    """Write one image of a layout as an archive: what it is made from, and an index that names it."""
    layout = Layout(image.layout)
    stored = layout.manifests(image.digest)
    root = stored[-1].descriptor
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            {
                "mediaType": root.media_type,
                "digest": root.digest,
                "size": root.size,
                "annotations": {
                    "io.containerd.image.name": f"docker.io/{name}",
                    "org.opencontainers.image.ref.name": name.rpartition(":")[2],
                },
            }
        ],
    }
    blobs = {one.descriptor.digest for one in stored}
    blobs |= {descriptor.digest for descriptor in layout.blobs(image.digest)}
    with tarfile.open(archive, "w") as tar:
        _add(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _add(tar, "index.json", json.dumps(index).encode())
        for digest in sorted(blobs):
            tar.add(layout.blob(digest), f"blobs/{digest.replace(':', '/')}", recursive=False)


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))
