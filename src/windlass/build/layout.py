"""What builders need of an OCI image layout: read a manifest, and see that an image is always an index.

Sources: OCI image-spec, image-layout.md, image-index.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEXES = (INDEX, "application/vnd.docker.distribution.manifest.list.v2+json")


def blob_path(layout: Path, digest: str) -> Path:
    algorithm, _, value = digest.partition(":")
    return layout / "blobs" / algorithm / value


def read_json(layout: Path, digest: str) -> dict[str, Any]:
    """A manifest, index or configuration by digest. Raises OSError or ValueError when it is missing or damaged."""
    document = json.loads(blob_path(layout, digest).read_bytes())
    if not isinstance(document, dict):
        raise ValueError(f"{digest} is not a JSON object")
    return document


def write_blob(layout: Path, data: bytes) -> str:
    """Store bytes and return their digest. A reader never sees half a blob: it appears by a rename."""
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    path = blob_path(layout, digest)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, data)
    return digest


def platform_of(descriptor_platform: dict[str, Any]) -> str:
    """An OCI platform object as `os/architecture[/variant]`. arm64's only variant, v8, is left out, as builders do."""
    parts = [str(descriptor_platform.get("os", "")), str(descriptor_platform.get("architecture", ""))]
    variant = str(descriptor_platform.get("variant", ""))
    if variant and not (parts[1] == "arm64" and variant == "v8"):
        parts.append(variant)
    return "/".join(parts)


def platforms_in(layout: Path, digest: str) -> tuple[str, ...]:
    """The platforms of an index, in its order; attestations and the like ("unknown/unknown") are left out."""
    entries = read_json(layout, digest).get("manifests", [])
    found = (platform_of(entry.get("platform", {})) for entry in entries)
    return tuple(platform for platform in found if not platform.startswith("unknown"))


def as_index(layout: Path, digest: str) -> str:
    """The digest itself when it names an index, otherwise that of a new index with the manifest as its only entry."""
    document = read_json(layout, digest)
    if document.get("mediaType") in _INDEXES or "manifests" in document:
        return digest
    return write_index(layout, [digest])


def write_index(layout: Path, manifests: Iterable[str]) -> str:
    """Store an index over these manifests, in this order, and return its digest. Platforms come from the images' configurations."""
    entries = []
    for digest in manifests:
        manifest = read_json(layout, digest)
        config = read_json(layout, manifest["config"]["digest"])
        platform = {key: config[key] for key in ("architecture", "os", "variant") if config.get(key)}
        entries.append(
            {
                "mediaType": manifest.get("mediaType", MANIFEST),
                "digest": digest,
                "size": blob_path(layout, digest).stat().st_size,
                "platform": platform,
            }
        )
    return write_blob(layout, _encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}))


def name_only(layout: Path, digest: str) -> None:
    """Make this index the one image that the layout names. Blobs of earlier images stay, for the next build to reuse."""
    layout.mkdir(parents=True, exist_ok=True)
    entry = {"mediaType": INDEX, "digest": digest, "size": blob_path(layout, digest).stat().st_size}
    _replace(layout / "oci-layout", _encode({"imageLayoutVersion": "1.0.0"}))
    _replace(layout / "index.json", _encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}))


def _encode(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _replace(path: Path, data: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    partial.write_bytes(data)
    partial.replace(path)
