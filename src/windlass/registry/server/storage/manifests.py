"""What a manifest says: which content it needs, what it is attached to. Pure; nothing is looked up."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from windlass.registry.server.names import Digest, as_digest, is_digest_shaped
from windlass.registry.server.problems import Problem, manifest_invalid

MANIFEST_LIMIT = 4 * 1024 * 1024
"""Bytes. The specification asks registries to accept at least 4 megabytes."""

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFEST_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST, OCI_ARTIFACT}) | INDEX_TYPES

_ELSEWHERE = ("application/vnd.oci.image.layer.nondistributable.", "application/vnd.docker.image.rootfs.foreign.")


@dataclass(frozen=True, slots=True)
class Needed:
    """One descriptor that must be in the repository before the manifest is accepted. `size` in bytes."""

    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest's own words. `blobs` are config and layers, `children` an index's entries (manifests, or blobs in build caches)."""

    media_type: str
    blobs: tuple[Needed, ...] = ()
    children: tuple[Needed, ...] = ()
    subject: Digest | None = None
    artifact_type: str | None = None
    annotations: dict[str, str] = field(default_factory=dict)

    def referrer(self, digest: Digest, size: int) -> dict[str, Any]:
        """The descriptor that the referrers list shows for this manifest ("Listing Referrers")."""
        descriptor: dict[str, Any] = {"mediaType": self.media_type, "digest": digest, "size": size}
        if self.artifact_type:
            descriptor["artifactType"] = self.artifact_type
        if self.annotations:
            descriptor["annotations"] = self.annotations
        return descriptor


def parse_manifest(data: bytes, content_type: str | None) -> Manifest:
    """Read a manifest. `content_type` is the request's header; without one, the manifest's own `mediaType` decides.

    Raises:
        Problem: MANIFEST_INVALID, with the reason.
    """
    document = _document(data)
    declared = (content_type or "").partition(";")[0].strip().lower()
    own = document.get("mediaType")
    if own is not None and not isinstance(own, str):
        raise manifest_invalid("mediaType is not a string")
    if declared and own and declared != own:
        raise manifest_invalid(f"Content-Type is {declared} and the manifest's mediaType is {own}")
    media_type = own or declared or _guess(document)
    if media_type not in MANIFEST_TYPES:
        raise Problem(415, "MANIFEST_INVALID", f"manifests of type {media_type[:200]} are not supported")
    if media_type != OCI_ARTIFACT and document.get("schemaVersion") != 2:
        raise manifest_invalid("schemaVersion is not 2")
    subject = document.get("subject")
    return Manifest(
        media_type=media_type,
        blobs=_blobs(document, media_type),
        children=_descriptors(document, "manifests") if media_type in INDEX_TYPES else (),
        subject=_descriptor(subject, "subject").digest if subject is not None else None,
        artifact_type=_artifact_type(document, media_type),
        annotations=_annotations(document),
    )


def _document(data: bytes) -> dict[str, Any]:
    """The JSON object, if every reader reads the same in it: UTF-8, no key twice, no number that JSON does not know."""
    try:
        document = json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, _Ambiguous) else "the manifest is not JSON"
        raise manifest_invalid(reason) from error
    if not isinstance(document, dict):
        raise manifest_invalid("the manifest is not a JSON object")
    return document


class _Ambiguous(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Ambiguous("a key occurs twice")
    return found


def _constant(name: str) -> None:
    raise _Ambiguous(f"{name} is no JSON number")


def _guess(document: dict[str, Any]) -> str:
    if "manifests" in document:
        return OCI_INDEX
    return OCI_MANIFEST if "config" in document else "unknown"


def _blobs(document: dict[str, Any], media_type: str) -> tuple[Needed, ...]:
    if media_type in INDEX_TYPES:
        if "layers" in document or "config" in document:
            raise manifest_invalid("an index has neither config nor layers")
        return ()
    if media_type == OCI_ARTIFACT:
        return _descriptors(document, "blobs", required=False)
    if "manifests" in document:
        raise manifest_invalid("an image manifest has no manifests")
    return (_descriptor(document.get("config"), "config"), *_descriptors(document, "layers"))


def _descriptors(document: dict[str, Any], key: str, required: bool = True) -> tuple[Needed, ...]:
    entries = document.get(key)
    if entries is None and (key in document or not required):
        return ()  # Go writes an empty list as null
    if not isinstance(entries, list):
        raise manifest_invalid(f"{key} is not a list")
    found = []
    for place, entry in enumerate(entries):
        needed = _descriptor(entry, f"{key}[{place}]")
        if not _elsewhere(entry):
            found.append(needed)
    return tuple(found)


def _elsewhere(entry: dict[str, Any]) -> bool:
    """Layers that may not be distributed are fetched from their own addresses and need not be here."""
    return entry.get("mediaType", "").startswith(_ELSEWHERE) or bool(entry.get("urls"))


def _descriptor(entry: object, where: str) -> Needed:
    if not isinstance(entry, dict):
        raise manifest_invalid(f"{where} is not a descriptor")
    text, size = entry.get("digest"), entry.get("size")
    if not isinstance(text, str) or not is_digest_shaped(text):
        raise manifest_invalid(f"{where} has no valid digest")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise manifest_invalid(f"{where} has no valid size")
    if not isinstance(entry.get("mediaType", ""), str):
        raise manifest_invalid(f"{where} has no valid mediaType")
    urls = entry.get("urls")
    if urls is not None and not (isinstance(urls, list) and all(isinstance(url, str) for url in urls)):
        raise manifest_invalid(f"{where} has urls that are not a list of strings")
    digest = as_digest(text)
    if digest is None:
        raise manifest_invalid(f"{where} has a digest that is neither sha256 nor sha512")
    return Needed(digest, size)


def _artifact_type(document: dict[str, Any], media_type: str) -> str | None:
    stated = document.get("artifactType")
    if stated is not None and not isinstance(stated, str):
        raise manifest_invalid("artifactType is not a string")
    if stated:
        return stated
    config = document.get("config")
    if media_type in (OCI_MANIFEST, DOCKER_MANIFEST) and isinstance(config, dict):
        kind = config.get("mediaType")
        return kind if isinstance(kind, str) else None
    return None


def _annotations(document: dict[str, Any]) -> dict[str, str]:
    annotations = document.get("annotations")
    if annotations is None:
        return {}
    if not isinstance(annotations, dict) or not all(isinstance(value, str) for value in annotations.values()):
        raise manifest_invalid("annotations are not a map of strings")
    return annotations
