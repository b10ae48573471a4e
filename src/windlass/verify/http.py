"""Sending one request over http or https. The one place of this room that opens connections; urllib3's errors end here."""

from __future__ import annotations

import errno
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

import urllib3
from urllib3 import exceptions as broken
from urllib3.connection import HTTPConnection, HTTPSConnection

from windlass.verify.probe import Request, Response, Unanswered
from windlass.waiting import Stop

_MOST = 4 * 1024 * 1024
"""Bytes of an answer that are read; no check needs more."""

_PIECE = 64 * 1024

_CONNECT_SECONDS = 5.0


def send(request: Request) -> Response:
    """Send a request; redirects are answers, not followed.

    Raises:
        Unanswered: refused, timed out, certificate not trusted, stopped, not sent at all.
    """
    with _cut_off_by(request.stop):
        return _send(request)


def _send(request: Request) -> Response:
    began = time.monotonic()
    try:
        answer = _pool(request.insecure).request(
            request.method,
            request.url,
            headers={"User-Agent": "windlass", "Connection": "close", **request.headers},
            body=request.body,
            redirect=False,
            retries=False,
            timeout=urllib3.Timeout(connect=min(_CONNECT_SECONDS, request.timeout), read=request.timeout),
            preload_content=False,
        )
        try:
            body = _body(answer, request, began)
        finally:
            answer.close()
    except (broken.HTTPError, OSError, ValueError) as error:
        raise _explained(error, request) from error
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Response(answer.status, answer.reason or "", headers, body)


def _body(answer: urllib3.BaseHTTPResponse, request: Request, began: float) -> bytes:
    """What comes in time: urllib3's own timeout starts again with every byte, and an event stream never ends."""
    body = b""
    while len(body) < _MOST and (piece := answer.read1(_PIECE, decode_content=True)):
        body += piece
        if time.monotonic() - began > request.timeout:
            raise Unanswered(f"its answer did not end within {request.timeout:.0f} s")
    return body


_line = threading.local()
"""`cut` belongs to the request that this thread sends."""


@contextmanager
def _cut_off_by(stop: Stop | None) -> Iterator[None]:
    """Let `stop` cut the connection of this thread's request, wherever it is: a read that waits for an answer ends then."""
    _line.cut = cut = _Cut()
    try:
        if stop is None:
            yield
        else:
            with stop.ended_by(cut.now):
                yield
    finally:
        _line.cut = None
        cut.close()


class _Cut:
    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._handle: socket.socket | None = None
        self._cut = False

    def follow(self, connection: socket.socket) -> None:
        """Raises ConnectionAbortedError: it is to be stopped already; nothing was sent."""
        self.close()
        with self._guard:
            self._handle = connection.dup()  # TLS takes the first one over; both are the same connection
            late = self._cut
        if late:
            connection.close()
            raise ConnectionAbortedError("stopped")

    def now(self) -> None:
        with self._guard:
            self._cut = True
            if self._handle is not None:
                with suppress(OSError):  # the other end was quicker
                    self._handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with self._guard:
            if self._handle is not None:
                self._handle.close()
                self._handle = None


class _Followed:
    """A connection that can be cut off while something waits for it."""

    def _new_conn(self) -> socket.socket:
        made: socket.socket = super()._new_conn()  # type: ignore[misc]
        if (cut := getattr(_line, "cut", None)) is not None:
            cut.follow(made)
        return made


class _PlainConnection(_Followed, HTTPConnection):
    pass


class _TlsConnection(_Followed, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _QuietPool(_TlsPool):
    """Does not warn about certificates that are not checked: the user has said so, check by check."""

    def _validate_conn(self, conn: urllib3.connectionpool.BaseHTTPConnection) -> None:  # type: ignore[name-defined]
        if conn.is_closed:
            conn.connect()


@cache
def _pool(insecure: bool) -> urllib3.PoolManager:
    if not insecure:
        manager = urllib3.PoolManager(maxsize=8)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        return manager
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    manager = urllib3.PoolManager(maxsize=8, ssl_context=context)
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _QuietPool}
    return manager


def _explained(error: Exception, request: Request) -> Unanswered:
    """What an exception means to a person."""
    if isinstance(error, broken.NameResolutionError):
        return Unanswered("its host name cannot be resolved", sent=False)
    if isinstance(error, (broken.LocationParseError, broken.InvalidHeader, UnicodeError)):
        return Unanswered("the request cannot be written: check its path and headers", final=True, sent=False)
    trouble = _tls(error)
    if trouble is not None:
        return _about_tls(trouble)
    number = _errno(error)
    if number == errno.ECONNREFUSED:  # before the timeouts, of which urllib3 makes it one
        return Unanswered("connection refused")
    if isinstance(error, broken.ConnectTimeoutError):
        return Unanswered("no connection" if number else "no connection in time")
    if isinstance(error, (broken.ReadTimeoutError, TimeoutError)):
        return Unanswered(f"no answer within {request.timeout:.0f} s")
    if number in (errno.ECONNRESET, errno.EPIPE) or isinstance(error, broken.ProtocolError):
        return Unanswered("the connection was closed without an answer")
    if isinstance(error, ValueError) and not isinstance(error, broken.HTTPError):
        return Unanswered("the request cannot be written: check its path and headers", final=True, sent=False)
    return Unanswered(f"no answer: {type(error).__name__}")


def _about_tls(trouble: ssl.SSLError) -> Unanswered:
    if isinstance(trouble, ssl.SSLCertVerificationError):
        return Unanswered(
            f"certificate not trusted: {trouble.verify_message}; set insecure: true if it is self-signed on purpose",
            final=True,
        )
    if trouble.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"):
        return Unanswered("it does not speak https; is the scheme http?")
    return Unanswered(f"TLS failed: {(trouble.reason or 'connection closed').lower().replace('_', ' ')}")


def _tls(error: BaseException) -> ssl.SSLError | None:
    return next((cause for cause in _causes(error) if isinstance(cause, ssl.SSLError)), None)


def _errno(error: BaseException) -> int | None:
    return next((c.errno for c in _causes(error) if isinstance(c, OSError) and c.errno is not None), None)


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        inner = next((arg for arg in getattr(error, "args", ()) if isinstance(arg, BaseException)), None)
        error = error.__cause__ or inner or error.__context__
    return found
