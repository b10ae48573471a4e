"""Descriptors, manifests and indexes (OCI image specification 1.1; Docker image manifest version 2, schema 2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

from windlass.errors import UsageError
from windlass.oci import digest as digests
from windlass.oci.faults import Malformed

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
ACCEPT = ", ".join((OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST))
LARGEST = 4 * 1024 * 1024
"""Bytes; what registries accept for a manifest (OCI distribution specification, "Pushing Manifests")."""

EMPTY = b"{}"
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Platform:
    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def fits(self, wanted: Platform) -> bool:
        """Whether an image for this platform is the one for `wanted`: `arm64` is `arm64/v8`, and no variant asked means any."""
        if (self.os, self.architecture) != (wanted.os, wanted.architecture):
            return False
        usual = {"arm64": "v8", "arm": "v7"}.get(self.architecture, "")
        return not wanted.variant or (self.variant or usual) == wanted.variant


def parse_platform(text: str) -> Platform:
    """`linux/arm64` or `linux/arm/v7`.

    Raises:
        UsageError: it is neither.
    """
    parts = text.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise UsageError(f"'{text[:80]}' is not a platform", remedy="write it as os/architecture, such as linux/amd64")
    return Platform(*parts)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a blob or manifest is, before it is fetched. `size` is in bytes; `urls` are set for layers that are not stored here."""

    media_type: str
    digest: str
    size: int
    platform: Platform | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    artifact_type: str = ""
    urls: tuple[str, ...] = ()

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEXES

    @property
    def is_manifest(self) -> bool:
        """Whether it is stored as a manifest (index or image), not as a blob."""
        return self.media_type in INDEXES or self.media_type in MANIFESTS


@dataclass(frozen=True, slots=True)
class Manifest:
    """One image for one platform, or an artifact: a configuration and layers."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    subject: Descriptor | None = None
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Configuration and layers that are stored in the registry (layers with URLs are not), each once."""
        found = {blob.digest: blob for blob in (self.config, *self.layers) if not blob.urls}
        return tuple(found.values())


@dataclass(frozen=True, slots=True)
class Index:
    """Several manifests under one digest: the platforms of an image."""

    media_type: str
    manifests: tuple[Descriptor, ...]
    subject: Descriptor | None = None
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)

    def find(self, platform: Platform) -> Descriptor | None:
        """The child for a platform; an exact variant comes before one that merely fits."""
        fitting = [child for child in self.manifests if child.platform and child.platform.fits(platform)]
        return next((child for child in fitting if child.platform == platform), fitting[0] if fitting else None)


Content: TypeAlias = Manifest | Index


def parse(body: bytes, media_type: str | None, where: str) -> Content:
    """Read a manifest or index.

    Args:
        media_type: what the server or descriptor calls it; None to believe the document.
        where: named in errors.

    Raises:
        Malformed: it is not JSON, not of a known kind, or lacks something required.
    """
    if len(body) > LARGEST:
        raise Malformed(f"the manifest is larger than {LARGEST} bytes", where=where)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Malformed("this is not a manifest: not JSON", where=where) from error
    if not isinstance(document, dict):
        raise Malformed("this is not a manifest: not a JSON object", where=where)
    kind = _kind(document, media_type, where)
    common: dict[str, Any] = {
        "subject": _descriptor(document["subject"], where) if document.get("subject") else None,
        "artifact_type": _text(document.get("artifactType")),
        "annotations": _annotations(document.get("annotations")),
    }
    if kind in INDEXES:
        return Index(kind, _descriptors(document.get("manifests"), where), **common)
    if "config" not in document:
        raise Malformed("the manifest has no 'config'", where=where)
    return Manifest(
        kind, _descriptor(document["config"], where), _descriptors(document.get("layers", []), where), **common
    )


def to_document(descriptor: Descriptor) -> dict[str, Any]:
    """A descriptor as it stands in JSON."""
    document: dict[str, Any] = {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    }
    if descriptor.artifact_type:
        document["artifactType"] = descriptor.artifact_type
    if descriptor.annotations:
        document["annotations"] = dict(descriptor.annotations)
    if descriptor.urls:
        document["urls"] = list(descriptor.urls)
    if descriptor.platform:
        platform = {"architecture": descriptor.platform.architecture, "os": descriptor.platform.os}
        document["platform"] = platform | (
            {"variant": descriptor.platform.variant} if descriptor.platform.variant else {}
        )
    return document


def canonical(document: Any) -> bytes:
    """JSON with sorted keys and no spaces: the same value always gives the same bytes."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _kind(document: dict[str, Any], media_type: str | None, where: str) -> str:
    told = (media_type or "").partition(";")[0].strip().lower()
    own = document.get("mediaType")
    for kind in (told, own):
        if isinstance(kind, str) and (kind in INDEXES or kind in MANIFESTS):
            return kind
    if document.get("schemaVersion") == 1:
        raise Malformed(
            "the image has Docker's old manifest format (schema 1)",
            where=where,
            remedy="build and push it again with a current builder",
        )
    # A server that calls everything application/json, or a layout's index.json, which need not name its type.
    if "manifests" in document and "config" not in document:
        return OCI_INDEX
    if "config" in document and "manifests" not in document:
        return OCI_MANIFEST
    raise Malformed(f"this is not a manifest but '{told or own or 'of no type'}'", where=where)


def _descriptors(value: object, where: str) -> tuple[Descriptor, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Malformed("a list of descriptors is not a list", where=where)
    return tuple(_descriptor(item, where) for item in value)


def _descriptor(value: object, where: str) -> Descriptor:
    if not isinstance(value, dict):
        raise Malformed("a descriptor is not an object", where=where)
    size = value.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise Malformed(f"a descriptor's size is {size!r}", where=where)
    urls = value.get("urls") or []
    return Descriptor(
        _text(value.get("mediaType")),
        digests.require(value.get("digest"), where),
        size,
        _platform(value.get("platform")),
        _annotations(value.get("annotations")),
        _text(value.get("artifactType")),
        tuple(_text(url) for url in urls) if isinstance(urls, list) else (),
    )


def _platform(value: object) -> Platform | None:
    if not isinstance(value, dict):
        return None
    return Platform(_text(value.get("os")), _text(value.get("architecture")), _text(value.get("variant")))


def _annotations(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict):
        return _NOTHING
    return MappingProxyType({str(key): _text(item) for key, item in value.items()})


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
