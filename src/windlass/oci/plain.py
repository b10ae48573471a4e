"""Plain http with Python's own client: for a registry on this machine, urllib3 would take longer to load than to use."""

from __future__ import annotations

import http.client
import select
import threading
import weakref
from collections.abc import Mapping
from urllib.parse import urlsplit

from windlass import __version__
from windlass.oci.transport import (
    CHUNK,
    CONNECT_SECONDS,
    READ_SECONDS,
    Answer,
    Body,
    Chunks,
    Transport,
    TransportFailed,
)

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class PlainTransport:
    """For a registry on this machine that speaks http, over a few kept connections; redirects and other hosts are
    `HttpTransport`'s. Shared by threads. A body must come with its `content-length` among the headers.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._idle: list[http.client.HTTPConnection] = []
        self._guard = threading.Lock()
        self._full: Transport | None = None
        weakref.finalize(self, _close, self._idle)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: Body = None) -> Answer:
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.netloc != self._host:
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
        self, method: str, target: str, headers: Mapping[str, str], body: Body
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = self._connected()
        try:
            return connection, _exchange(connection, method, target, headers, body)
        except (http.client.HTTPException, OSError, ValueError) as error:
            connection.close()
            raise _translated(error) from error
        except BaseException:  # of the body: what was sent of it is no request
            connection.close()
            raise

    def _connected(self) -> http.client.HTTPConnection:
        while True:
            with self._guard:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                break
            if _usable(connection):
                return connection
            connection.close()  # at the other end, while nobody used it
        connection = http.client.HTTPConnection(self._host, timeout=CONNECT_SECONDS)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise _translated(error) from error
        connection.sock.settimeout(READ_SECONDS)
        return connection

    def keep(self, connection: http.client.HTTPConnection) -> None:
        with self._guard:
            self._idle.append(connection)


def _close(connections: list[http.client.HTTPConnection]) -> None:
    for connection in connections:
        connection.close()


def _usable(connection: http.client.HTTPConnection) -> bool:
    """Whether an idle connection is still open at the other end: nothing, not even its end, is there to be read."""
    if connection.sock is None:
        return False
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return not poll.poll(0)


def _exchange(
    connection: http.client.HTTPConnection, method: str, target: str, headers: Mapping[str, str], body: Body
) -> http.client.HTTPResponse:
    if body is None or isinstance(body, bytes):
        connection.request(method, target, body=body, headers=dict(headers))
        return connection.getresponse()
    connection.putrequest(method, target)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    for chunk in body:
        try:
            connection.send(chunk)
        except (BrokenPipeError, ConnectionResetError):
            break  # it stopped listening, perhaps with an answer that says why
    return connection.getresponse()


class _Chunks(Chunks):
    def __init__(
        self, owner: PlainTransport, connection: http.client.HTTPConnection, response: http.client.HTTPResponse
    ) -> None:
        self._owner = owner
        self._connection = connection
        self._response = response

    def _read(self) -> bytes:
        try:
            chunk = self._response.read(CHUNK)
            if not chunk and self._response.length:
                raise http.client.IncompleteRead(b"", self._response.length)
        except (http.client.HTTPException, OSError, ValueError) as error:
            raise _translated(error) from error
        return chunk

    def _left(self) -> int | None:
        return self._response.length

    def _end(self, keep: bool) -> None:
        reusable = keep and not self._response.will_close
        self._response.close()
        if reusable:
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
