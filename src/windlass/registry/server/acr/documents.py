"""The JSON that ACR answers with. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from windlass.registry.server.names import Digest
from windlass.registry.server.problems import Problem
from windlass.registry.server.storage.attributes import Attributes

_KEYS = {"deleteEnabled": "delete", "writeEnabled": "write", "readEnabled": "read", "listEnabled": "list"}


@dataclass(frozen=True, slots=True)
class Platform:
    """A manifest that an index names, and what it says it runs on."""

    digest: str
    architecture: str | None = None
    os: str | None = None


@dataclass(frozen=True, slots=True)
class TagInfo:
    """Times in nanoseconds since 1970."""

    name: str
    digest: Digest
    created: int
    updated: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class ManifestInfo:
    """`size` in bytes, with everything the manifest needs. `references` are those of an index."""

    digest: Digest
    media_type: str
    size: int
    created: int
    updated: int
    attributes: Attributes
    tags: tuple[str, ...] = ()
    architecture: str | None = None
    os: str | None = None
    config_type: str | None = None
    artifact_type: str | None = None
    references: tuple[Platform, ...] = ()


@dataclass(frozen=True, slots=True)
class RepositoryInfo:
    name: str
    created: int
    updated: int
    tags: int
    manifests: int
    attributes: Attributes


def time_text(nanoseconds: int) -> str:
    """`2021-05-28T17:15:14.9483587Z`: seven digits, as the service has them; texts sort like times."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 100:07d}Z"


def attributes_document(attributes: Attributes) -> dict[str, bool]:
    return {key: getattr(attributes, field) for key, field in _KEYS.items()}


def tag_document(tag: TagInfo) -> dict[str, Any]:
    return {
        "name": tag.name,
        "digest": tag.digest,
        **_times(tag.created, tag.updated),
        "signed": False,
        "changeableAttributes": attributes_document(tag.attributes),
    }


def manifest_document(manifest: ManifestInfo, references: bool = False) -> dict[str, Any]:
    """`references` only when one manifest was asked for, as the service does."""
    document: dict[str, Any] = {
        "digest": manifest.digest,
        "imageSize": manifest.size,
        **_times(manifest.created, manifest.updated),
    }
    said = {"architecture": manifest.architecture, "os": manifest.os, "mediaType": manifest.media_type}
    said |= {"configMediaType": manifest.config_type, "artifactType": manifest.artifact_type}
    document |= {key: value for key, value in said.items() if value}
    if manifest.tags:
        document["tags"] = list(manifest.tags)
    document["changeableAttributes"] = attributes_document(manifest.attributes)
    if references and manifest.references:
        document["references"] = [_platform(each) for each in manifest.references]
    return document


def repository_document(registry: str, repository: RepositoryInfo) -> dict[str, Any]:
    return {
        "registry": registry,
        "imageName": repository.name,
        **_times(repository.created, repository.updated),
        "manifestCount": repository.manifests,
        "tagCount": repository.tags,
        "changeableAttributes": attributes_document(repository.attributes),
    }


def of_repository(registry: str, name: str, **content: Any) -> dict[str, Any]:
    """What tags and manifests of a repository come in."""
    return {"registry": registry, "imageName": name, **content}


def read_change(body: bytes, before: Attributes) -> Attributes:
    """The attributes after a PATCH. What it does not name, or names as null, stays.

    Raises:
        Problem: 400. A key that means nothing is refused too: somebody believes that something is locked now.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise _bad_change("the body is not JSON") from None
    if not isinstance(document, Mapping):
        raise _bad_change("the body is not an object")
    changes = {}
    for key, value in document.items():
        if key not in _KEYS:
            raise _bad_change(f"unknown attribute; there are {', '.join(_KEYS)}", key)
        if value is not None and not isinstance(value, bool):
            raise _bad_change("it is neither true nor false", key)
        if value is not None:
            changes[_KEYS[key]] = value
    return replace(before, **changes)


def _bad_change(reason: str, key: str | None = None) -> Problem:
    return Problem(400, "UNSUPPORTED", reason, {"attribute": key[:100]} if key is not None else None)


def _times(created: int, updated: int) -> dict[str, str]:
    return {"createdTime": time_text(created), "lastUpdateTime": time_text(updated)}


def _platform(platform: Platform) -> dict[str, str]:
    said = {"digest": platform.digest, "architecture": platform.architecture, "os": platform.os}
    return {key: value for key, value in said.items() if value}
