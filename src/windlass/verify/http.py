"""Sending one request over http or https. The one place of this room that opens connections; urllib3's errors end here."""

from __future__ import annotations

import errno
import ssl
import time
from functools import cache

import urllib3
from urllib3 import exceptions as broken

from windlass.verify.probe import Request, Response, Unanswered

_MOST = 4 * 1024 * 1024
"""Bytes of an answer that are read; no check needs more."""

_PIECE = 64 * 1024

_CONNECT_SECONDS = 5.0


def send(request: Request) -> Response:
    """Send a request; redirects are answers, not followed.

    Raises:
        Unanswered: refused, timed out, certificate not trusted, not sent at all.
    """
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


class _QuietPool(urllib3.HTTPSConnectionPool):
    """Does not warn about certificates that are not checked: the user has said so, check by check."""

    def _validate_conn(self, conn: urllib3.connectionpool.BaseHTTPConnection) -> None:  # type: ignore[name-defined]
        if conn.is_closed:
            conn.connect()


@cache
def _pool(insecure: bool) -> urllib3.PoolManager:
    if not insecure:
        return urllib3.PoolManager(maxsize=8)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    manager = urllib3.PoolManager(maxsize=8, ssl_context=context)
    manager.pool_classes_by_scheme = {"http": urllib3.HTTPConnectionPool, "https": _QuietPool}
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
