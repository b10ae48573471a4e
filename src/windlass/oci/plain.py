"""Short questions over plain http, asked with Python's own client: a plan asks few, and urllib3 takes longer to load."""

from __future__ import annotations

import contextlib
import http.client
import threading
import weakref
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from windlass import __version__
from windlass.oci.transport import CHUNK, CONNECT_SECONDS, READ_SECONDS, Answer, Body, Transport, TransportFailed

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class PlainTransport:
    """For a registry on this machine that speaks http: requests without a body, or with one in bytes, go over a few kept
    connections; uploads, redirects and everything else are `HttpTransport`'s. Shared by threads.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._idle: list[http.client.HTTPConnection] = []
        self._guard = threading.Lock()
        self._full: Transport | None = None
        weakref.finalize(self, _close, self._idle)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: Body = None) -> Answer:
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.netloc != self._host or not (body is None or isinstance(body, bytes)):
            return self._thorough(method, url, headers, body)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection, response = self._ask(method, target, {"user-agent": f"windlass/{__version__}", **headers}, body)
        if response.status in _REDIRECTS and method in ("GET", "HEAD"):
            connection.close()
            return self._thorough(method, url, headers, body)
        lower = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, lower, _Chunks(self, connection, response))

    def _thorough(self, method: str, url: str, headers: Mapping[str, str], body: Body) -> Answer:
        with self._guard:
            if self._full is None:
                from windlass.oci.http import HttpTransport

                self._full = HttpTransport(self._host, tls=False)
        return self._full.send(method, url, headers, body)

    def _ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        with self._guard:
            connection = self._idle.pop() if self._idle else None
        if connection is not None:
            with contextlib.suppress(http.client.HTTPException, OSError):
                return connection, _exchange(connection, method, target, headers, body)
            connection.close()  # it was closed at the other end while nobody used it: a new one tells
            if method not in ("GET", "HEAD"):
                raise TransportFailed("the connection broke: it was closed", passing=True)
        connection = http.client.HTTPConnection(self._host, timeout=CONNECT_SECONDS)
        try:
            connection.connect()
            connection.sock.settimeout(READ_SECONDS)
            return connection, _exchange(connection, method, target, headers, body)
        except (http.client.HTTPException, OSError, ValueError) as error:
            connection.close()
            raise _translated(error) from error

    def keep(self, connection: http.client.HTTPConnection) -> None:
        with self._guard:
            self._idle.append(connection)


def _close(connections: list[http.client.HTTPConnection]) -> None:
    for connection in connections:
        connection.close()


def _exchange(
    connection: http.client.HTTPConnection, method: str, target: str, headers: Mapping[str, str], body: bytes | None
) -> http.client.HTTPResponse:
    connection.request(method, target, body=body, headers=dict(headers))
    return connection.getresponse()


class _Chunks:
    """The body of a response, read once; closing it gives the connection back, or ends it when too much is left."""

    def __init__(
        self, owner: PlainTransport, connection: http.client.HTTPConnection, response: http.client.HTTPResponse
    ) -> None:
        self._owner = owner
        self._connection = connection
        self._response = response
        self._done = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._done:
            raise StopIteration
        try:
            chunk = self._response.read(CHUNK)
            if not chunk and self._response.length:
                raise http.client.IncompleteRead(b"", self._response.length)
        except (http.client.HTTPException, OSError, ValueError) as error:
            self._end(keep=False)
            raise _translated(error) from error
        if not chunk:
            self._end(keep=not self._response.will_close)
            raise StopIteration
        return chunk

    def close(self) -> None:
        left = self._response.length
        if not self._done and (left is None or left <= CHUNK):
            with contextlib.suppress(StopIteration, TransportFailed):
                next(self)
                next(self)
        if not self._done:
            self._end(keep=False)

    def _end(self, *, keep: bool) -> None:
        self._done = True
        self._response.close()
        if keep:
            self._owner.keep(self._connection)
        else:
            self._connection.close()


def _translated(error: Exception) -> TransportFailed:
    if isinstance(error, ConnectionRefusedError):
        return TransportFailed("the connection was refused", passing=True, refused=True)
    if isinstance(error, TimeoutError):
        return TransportFailed(f"no answer for {READ_SECONDS:g} s", passing=True)
    if isinstance(error, ValueError):
        return TransportFailed(_first_line(error), passing=False)
    return TransportFailed(f"the connection broke: {_first_line(error)}", passing=True)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:160]
