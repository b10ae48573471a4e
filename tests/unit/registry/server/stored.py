"""Content for a storage, without a server."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from windlass.registry.server.names import Digest, digest_of
from windlass.registry.server.storage.manifests import OCI_MANIFEST
from windlass.registry.server.storage.storage import Storage

CONFIG, LAYER = b"{}", b"layer"


def opened(root: Path) -> Storage:
    storage = Storage(root)
    storage.prepare()
    return storage


def push_blob(storage: Storage, name: str, data: bytes, algorithm: str = "sha256") -> Digest:
    upload = storage.uploads.start(name)
    upload.claim()
    try:
        upload.write([data])
        upload.hash([data])
        digest = digest_of(data, algorithm)
        storage.finish_upload(name, upload, digest)
    finally:
        upload.release()
    return digest


def image(**changes: Any) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "c", "digest": digest_of(CONFIG), "size": len(CONFIG)},
        "layers": [{"mediaType": "l", "digest": digest_of(LAYER), "size": len(LAYER)}],
        **changes,
    }
    return json.dumps(document).encode()


def push_image(storage: Storage, name: str, tag: str) -> Digest:
    for data in (CONFIG, LAYER):
        push_blob(storage, name, data)
    return storage.put_manifest(name, tag, image(), OCI_MANIFEST)[0]


def age(storage: Storage, *digests: Digest, seconds: float = 7200.0) -> None:
    """Make it look as if nobody had used these blobs (all, without any named) for so long."""
    for digest in digests or tuple(storage.blobs.stored()):
        path = Path(storage.blobs.path(digest))
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))
