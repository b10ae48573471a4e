"""What an HTTP connection to a registry is: one request, one answer. `http.py` and `plain.py` make them."""

from __future__ import annotations

import contextlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

Body: TypeAlias = bytes | Iterable[bytes] | None
CHUNK = 256 * 1024
CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0


class TransportFailed(Exception):
    """No whole answer came. `passing` says that trying again may help; `refused` that nothing listens there."""

    def __init__(self, message: str, *, passing: bool, refused: bool = False, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.passing = passing
        self.refused = refused
        self.remedy = remedy


@dataclass(slots=True)
class Answer:
    """An HTTP answer. Header names are in lower case. The body is read once, from `chunks`.

    Reading raises TransportFailed when the connection breaks or the body is shorter than its Content-Length.
    """

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes] = field(default_factory=lambda: iter(()))

    @property
    def begins(self) -> int | None:
        """Where a part of something begins (206; RFC 9110, 14.4); None when that is not told."""
        found = re.match(r"bytes ([0-9]{1,18})-", self.headers.get("content-range", ""))
        return int(found[1]) if found is not None and self.status == 206 else None

    def body(self, limit: int) -> bytes:
        """At most `limit` bytes of the body plus one more, so that a longer one can be told; the rest is dropped."""
        data = bytearray()
        for chunk in self.chunks:
            data += chunk
            if len(data) > limit:
                break
        return bytes(data)

    def drop(self) -> None:
        """Done with this answer: its connection may be used again."""
        close = getattr(self.chunks, "close", None)
        if close is not None:
            close()


class Chunks(ABC, Iterator[bytes]):
    """A body as it arrives, read once. Closing it gives the connection back, or ends it when too much would be left to read."""

    _done = False

    def __next__(self) -> bytes:
        if self._done:
            raise StopIteration
        try:
            chunk = self._read()
        except TransportFailed:
            self._finish(keep=False)
            raise
        if not chunk:
            self._finish(keep=True)
            raise StopIteration
        return chunk

    def close(self) -> None:
        left = self._left()
        if not self._done and (left is None or left <= CHUNK):
            with contextlib.suppress(StopIteration, TransportFailed):
                next(self)
                next(self)
        if not self._done:
            self._finish(keep=False)

    def _finish(self, *, keep: bool) -> None:
        self._done = True
        self._end(keep)

    @abstractmethod
    def _read(self) -> bytes:
        """At most CHUNK bytes; none at the end. Raises TransportFailed."""

    @abstractmethod
    def _left(self) -> int | None:
        """How many bytes are still to come, if that is known."""

    @abstractmethod
    def _end(self, keep: bool) -> None:
        """Give the connection back (`keep`) or close it."""


class Transport(Protocol):
    """Drivers: `http.HttpTransport`, `plain.PlainTransport`, and `testing.registry.FakeRegistry` without any network."""

    def send(self, method: str, url: str, headers: Mapping[str, str], body: Body = None) -> Answer:
        """One request, one answer, no second try. Redirects of GET and HEAD are followed, without credentials to another host.

        Raises:
            TransportFailed
        """


def is_loopback(host: str) -> bool:
    """Whether this host (with or without a port) is this machine: `localhost`, 127.0.0.0/8 or `[::1]`."""
    name = host.lower()
    if name.startswith("["):
        return name.partition("]")[0] == "[::1"
    name = name.partition(":")[0]
    octets = name.split(".")
    return name == "localhost" or (len(octets) == 4 and octets[0] == "127" and all(part.isdigit() for part in octets))
