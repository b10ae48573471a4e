"""Requests and replies between the server and the handlers, and how a path is read."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote, urlencode

from windlass.registry.server.access.caller import EVERYBODY, Caller
from windlass.registry.server.names import Digest, as_digest, is_digest_shaped, is_name, is_tag
from windlass.registry.server.problems import Problem, digest_invalid, manifest_invalid, name_invalid

JSON = "application/json"

WHOLE = "/v2/_windlass/images/whole"
"""An extension (OCI distribution specification, "Extensions": `/v2/_<extension>/<component>/<module>`): see `ManifestHandlers.whole`."""


class HeaderMap(Protocol):
    """Case-insensitive for lower-case keys."""

    def get(self, key: str, default: Any = None) -> Any: ...


class Scope(Protocol):
    """The part of an RSGI scope that is read here (RSGI 1.x). `path` is decoded."""

    method: str
    path: str
    query_string: str
    http_version: str
    client: str
    authority: str | None

    @property
    def headers(self) -> HeaderMap: ...


class Connection(Protocol):
    """The part of an RSGI HTTP protocol that is used here."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None: ...

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None: ...

    def response_file_range(
        self, status: int, headers: list[tuple[str, str]], file: str, start: int, end: int
    ) -> None: ...

    def response_file(self, status: int, headers: list[tuple[str, str]], file: str) -> None: ...


class Query:
    """Query parameters, possibly repeated."""

    def __init__(self, text: str) -> None:
        self._pairs = parse_qsl(text, keep_blank_values=True) if text else []

    def get(self, key: str) -> str | None:
        return next((value for name, value in self._pairs if name == key), None)

    def all(self, key: str) -> list[str]:
        return [value for name, value in self._pairs if name == key]


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `body` yields chunks and ends early when the client goes away.

    Args:
        path: decoded.
        client: the address it came from.
        host: what the client calls this server, with the port.
        caller: who asks; whoever answers checks what they may do, unless `access.decisions` has done so.
    """

    method: str
    query: Query
    headers: HeaderMap
    body: AsyncIterable[bytes]
    path: str = ""
    client: str = ""
    host: str = ""
    caller: Caller = EVERYBODY

    def length(self) -> int | None:
        """The `Content-Length`, or None when the body is chunked."""
        text = self.headers.get("content-length")
        return int(text) if text is not None and text.isdigit() else None


_HEARD_OUT = 1 << 20
"""Bytes beyond a limit that are read and thrown away: who is cut off while still sending may not get the answer (RFC 9112,
section 9.6)."""


async def read_body(request: Request, limit: int, what: str) -> bytes:
    """A small body whole. `what` it is stands in the refusal of a larger one, in the singular: "a form".

    Raises:
        Problem: 413, or 400 for a body that ended early.
    """
    too_large = Problem(413, "SIZE_INVALID", f"{what} may have at most {limit} bytes")
    length = request.length()
    if length is not None and length > limit + _HEARD_OUT:
        raise too_large
    parts, size = [], 0
    async for chunk in request.body:
        size += len(chunk)
        if size > limit + _HEARD_OUT:
            raise too_large
        if max(size, length or 0) <= limit:
            parts.append(chunk)
    if max(size, length or 0) > limit:
        raise too_large
    if length is not None and length != size:
        raise Problem(400, "SIZE_INVALID", f"provided length {length} did not match content length {size}")
    return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes `start` to `end` (exclusive) of a file, as a body."""

    path: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. The length of `body` is added to the headers."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | Part = b""


@dataclass(frozen=True, slots=True)
class Route:
    """What a path asks for: `kind` is base, catalog, whole, manifest, blob, upload, tags or referrers; `item` a reference, digest or session."""

    kind: str
    name: str = ""
    item: str = ""


def route(path: str) -> Route:
    """Read a path under `/v2/`. The name may hold any of the words used here, so it is read from the right.

    Raises:
        Problem: NAME_INVALID, or 404 for a path that means nothing.
    """
    if path in ("/v2/", "/v2"):
        return Route("base")
    if path == "/v2/_catalog":
        return Route("catalog")
    if path == WHOLE:
        return Route("whole")
    if not path.startswith("/v2/"):
        raise Problem(404, "UNSUPPORTED", "no such path")
    found = _split(path[4:].split("/"))
    if not is_name(found.name):
        raise name_invalid(found.name)
    return found


def _split(parts: list[str]) -> Route:
    if len(parts) >= 3 and parts[-2:] == ["tags", "list"]:
        return Route("tags", "/".join(parts[:-2]))
    if len(parts) >= 4 and parts[-3:-1] == ["blobs", "uploads"]:
        return Route("upload", "/".join(parts[:-3]), parts[-1])
    if len(parts) >= 3 and parts[-2:] == ["blobs", "uploads"]:
        return Route("upload", "/".join(parts[:-2]))
    kinds = {"manifests": "manifest", "blobs": "blob", "referrers": "referrers"}
    if len(parts) >= 3 and (kind := kinds.get(parts[-2])) is not None:
        return Route(kind, "/".join(parts[:-2]), parts[-1])
    raise Problem(404, "NAME_UNKNOWN", "no such path")


def need_digest(text: str) -> Digest:
    """Raises Problem DIGEST_INVALID."""
    digest = as_digest(text)
    if digest is None:
        raise digest_invalid(text)
    return digest


def check_reference(text: str) -> None:
    """A tag, or a supported digest.

    Raises:
        Problem: DIGEST_INVALID, or MANIFEST_INVALID for a tag that cannot be one.
    """
    if ":" in text:
        if as_digest(text) is None:
            reason = "digest algorithm is not supported" if is_digest_shaped(text) else "not a digest"
            raise digest_invalid(text, reason)
    elif not is_tag(text):
        raise manifest_invalid("not a valid tag")


def page(items: list[str], query: Query, limit: int) -> tuple[list[str], str | None]:
    """One page of a sorted list by `n` and `last`, and the `last` of the next page, if there is one.

    Raises:
        Problem: `n` is not a number.
    """
    size = page_size(query, limit)
    if (last := query.get("last")) is not None:
        items = [item for item in items if item > last]
    if size == 0:
        return [], None
    chosen = items[:size]
    return chosen, chosen[-1] if len(items) > size else None


def page_size(query: Query, limit: int) -> int:
    """The wanted page size `n`, at most `limit`, which also holds without one."""
    text = query.get("n")
    if text is None:
        return limit
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Problem(400, "UNSUPPORTED", "n is not a number")
    return min(int(text), limit)


def next_link(path: str, **parameters: object) -> tuple[str, str]:
    """The `Link` header to the next page (RFC 5988)."""
    return ("link", f'<{quote(path)}?{urlencode(parameters)}>; rel="next"')
