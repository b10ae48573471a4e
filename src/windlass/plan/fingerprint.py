"""One hash over everything an image is made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from windlass.model.plan import Fingerprint, Input

SCHEMA = "windlass-fingerprint-1"
"""Part of every fingerprint: change it when the meaning of an input changes, and everything is built anew once."""


def fingerprint(inputs: Iterable[Input], *, repository: str, platforms: Sequence[str]) -> Fingerprint:
    """The fingerprint of an image in a repository for some platforms; `digest` is None where an input cannot be pinned."""
    listed = tuple(sorted(set(inputs), key=lambda item: (item.kind, item.name, item.digest)))
    unpinned = tuple(item.name for item in listed if item.kind == "unpinned")
    if unpinned:
        return Fingerprint(None, listed, unpinned)
    return Fingerprint(combine(SCHEMA, repository, ",".join(sorted(platforms)), *map(_line, listed)), listed)


def combine(*parts: str) -> str:
    """`sha256:<64 hex>` over some strings, in their order."""
    text = "".join(f"{len(part)}:{part}\n" for part in parts)
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()}"


def _line(item: Input) -> str:
    if item.kind == "dockerfile":
        return (
            f"{item.kind}\t{item.digest}"  # where the Dockerfile lies and what its stages are called changes no image
        )
    return f"{item.kind}\t{item.digest}\t{item.name}"
