"""Content digests: `sha256:<64 hex>` and `sha512:<128 hex>` (OCI image specification, "Digests")."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator

from windlass.oci.faults import Malformed

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


def is_digest(text: str) -> bool:
    """Whether this is a digest that can be verified here: a known algorithm and the right number of hex digits."""
    return _DIGEST.fullmatch(text) is not None


def require(text: object, where: str) -> str:
    """The same digest, checked.

    Raises:
        Malformed: it is none; a digest becomes part of paths and URLs, so nothing else may pass for one.
    """
    if isinstance(text, str) and is_digest(text):
        return text
    raise Malformed(f"{str(text)[:80]!r} is not a digest", where=where)


def of(data: bytes, algorithm: str = "sha256") -> str:
    """The digest of some bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def matches(data: bytes, digest: str) -> bool:
    """Whether some bytes have this digest (which must be valid)."""
    return hmac.compare_digest(of(data, digest.partition(":")[0]), digest)


def verified(chunks: Iterable[bytes], digest: str, where: str) -> Iterator[bytes]:
    """The same chunks; after the last one the digest of all is compared.

    Raises:
        Malformed: they have another digest. What came through before must be thrown away.
    """
    running = hashlib.new(digest.partition(":")[0])
    for chunk in chunks:
        running.update(chunk)
        yield chunk
    if running.hexdigest() != digest.partition(":")[2]:
        raise Malformed(
            f"the content of {short(digest)} has another digest: {digest.partition(':')[0]}:{running.hexdigest()[:12]}",
            where=where,
            remedy="the registry's storage is damaged or something on the way changes answers; publish the image again",
        )


def short(digest: str) -> str:
    """For people: the algorithm and 12 hex digits."""
    algorithm, _, value = digest.partition(":")
    return f"{algorithm}:{value[:12]}"
