"""Repository names, tags, digests and byte ranges as the OCI Distribution Specification 1.1 writes them. Pure."""

from __future__ import annotations

import hashlib
import re
from typing import NewType

Digest = NewType("Digest", str)
"""`sha256:<64 hex>` or `sha512:<128 hex>`, checked."""

NAME_LIMIT = 255
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_DIGEST_SHAPE = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
_CONTENT_RANGE = re.compile(r"(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})(?:/(?:[0-9]{1,18}|\*))?")
_BYTE_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))")

ALGORITHMS = ("sha256", "sha512")


def is_name(text: str) -> bool:
    """Whether this is a repository name ("Pulling manifests"), at most 255 characters."""
    return len(text) <= NAME_LIMIT and _NAME.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    return _TAG.fullmatch(text) is not None


def as_digest(text: str) -> Digest | None:
    """The digest, or None when it is malformed or its algorithm is neither sha256 nor sha512."""
    return Digest(text) if _DIGEST.fullmatch(text) is not None else None


def is_digest_shaped(text: str) -> bool:
    """Whether this follows the grammar of digests, also for algorithms that are not supported here."""
    return _DIGEST_SHAPE.fullmatch(text) is not None


def digest_of(data: bytes, algorithm: str = "sha256") -> Digest:
    return Digest(f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}")


def split_digest(digest: Digest) -> tuple[str, str]:
    """Algorithm and hex digits."""
    algorithm, _, encoded = digest.partition(":")
    return algorithm, encoded


def parse_content_range(text: str) -> tuple[int, int] | None:
    """First and last byte (inclusive) of an upload chunk, `<start>-<end>`; None when malformed or backwards."""
    found = _CONTENT_RANGE.fullmatch(text.strip())
    if found is None:
        return None
    start, end = int(found[1]), int(found[2])
    return (start, end) if start <= end else None


class Unsatisfiable(Exception):
    """No byte of the requested range exists."""


def parse_byte_range(text: str, size: int) -> tuple[int, int] | None:
    """Start and end (exclusive) of a `Range` header over a blob of `size` bytes.

    None means the header is to be ignored: another unit, several ranges, or malformed. A range that ends
    before it begins is refused (RFC 9110, section 14.2, allows either).

    Raises:
        Unsatisfiable: answer with 416.
    """
    found = _BYTE_RANGE.fullmatch(text.strip())
    if found is None:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        if int(suffix) == 0 or size == 0:
            raise Unsatisfiable
        return max(0, size - int(suffix)), size
    start = int(first)
    if start >= size or (last is not None and int(last) < start):
        raise Unsatisfiable
    return start, size if last is None else min(int(last) + 1, size)
