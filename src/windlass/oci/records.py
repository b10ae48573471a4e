"""What a fingerprint record looks like in a registry; all pure.

A record is a small OCI artifact manifest whose one layer is the canonical list of inputs. Its tag carries the answer
itself, so that one tag list tells every fingerprint's image without fetching a single record:

    <first 48 hex digits of the fingerprint>-<64 hex digits of the image's index digest>-<time of the record>

48 hex digits are 192 bits, far beyond chance; both in full would not fit the 128 characters of a tag. The time is in
microseconds since 1970, 13 hex digits: the newest record of a fingerprint is the one that counts.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from windlass.model.plan import Input
from windlass.oci import digest as digests
from windlass.oci.manifest import EMPTY, OCI_EMPTY, OCI_MANIFEST, Descriptor, canonical, to_document
from windlass.plan.interface import Remembered

FINGERPRINTS = "windlass/fingerprints"
TESTS = "windlass/tests"
FINGERPRINT_TYPE = "application/vnd.windlass.fingerprint.v1+json"
TEST_TYPE = "application/vnd.windlass.test.v1+json"
REPOSITORY = "dev.windlass.repository"
DIGEST = "dev.windlass.digest"
BRANCH = "dev.windlass.branch"
FINGERPRINT = "dev.windlass.fingerprint"
CREATED = "org.opencontainers.image.created"
INPUTS_LIMIT = 64 * 1024 * 1024
"""Bytes; a list of inputs beyond this (some 500,000 files) is not read back."""

EMPTY_BLOB = Descriptor(OCI_EMPTY, digests.of(EMPTY), len(EMPTY))
_TAG = re.compile(r"([0-9a-f]{48})-([0-9a-f]{64})-([0-9a-f]{13})")


def hexed(fingerprint: str) -> str:
    """The hex digits of a fingerprint.

    Raises:
        ValueError: it is not `sha256:<64 hex>`.
    """
    algorithm, _, value = fingerprint.partition(":")
    if algorithm != "sha256" or not digests.is_digest(fingerprint):
        raise ValueError(f"{fingerprint[:80]!r} is not a fingerprint")
    return value


def record_tag(fingerprint: str, digest: str, created: str) -> str:
    """The tag of a record made at a time (ISO 8601). Raises ValueError for an image digest that is not sha256."""
    moment = datetime.fromisoformat(created) - datetime(1970, 1, 1, tzinfo=UTC)
    return f"{hexed(fingerprint)[:48]}-{hexed(digest)}-{moment // timedelta(microseconds=1):013x}"


def index_tags(tags: Iterable[str]) -> dict[str, list[Remembered]]:
    """From a tag list: the first 48 hex digits of a fingerprint → its images, the one recorded last first (of the same
    time: by digest), each once. Tags of other shapes are passed over."""
    newest: dict[str, dict[str, int]] = {}
    for tag in tags:
        if match := _TAG.fullmatch(tag):
            known = newest.setdefault(match[1], {})
            known[match[2]] = max(int(match[3], 16), known.get(match[2], 0))
    return {
        key: [
            Remembered(f"sha256:{digest}", created / 1_000_000)
            for digest, created in sorted(known.items(), key=lambda item: (-item[1], item[0]))
        ]
        for key, known in newest.items()
    }


def last_tag(repository: str, branch: str | None) -> str:
    """The moving tag of the newest record of a repository from a branch; without one, from any."""
    text = repository if branch is None else f"{repository}\0{branch}"
    return f"last-{hashlib.sha256(text.encode()).hexdigest()}"


def to_inputs(inputs: Sequence[Input]) -> bytes:
    return canonical([{"kind": one.kind, "name": one.name, "digest": one.digest} for one in inputs])


def parse_inputs(body: bytes) -> tuple[Input, ...] | None:
    """The inputs of a record; None when they cannot be read (a damaged record must not stop anybody)."""
    try:
        return tuple(Input(str(one["kind"]), str(one["name"]), str(one["digest"])) for one in json.loads(body))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def artifact(kind: str, layer: Descriptor, annotations: Mapping[str, str]) -> bytes:
    """An OCI artifact manifest (image specification, "Guidelines for Artifact Usage") with one layer."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": kind,
        "config": to_document(EMPTY_BLOB),
        "layers": [to_document(layer)],
        "annotations": dict(annotations),
    }
    return canonical(document)
