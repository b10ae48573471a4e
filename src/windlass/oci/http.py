"""HTTP to registries anywhere: TLS, proxies, redirects, uploads. urllib3's exceptions end here."""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import urllib3
from urllib3 import exceptions as broken
from urllib3.util import Retry, Timeout

from windlass import __version__
from windlass.oci.transport import (
    CHUNK,
    CONNECT_SECONDS,
    READ_SECONDS,
    Answer,
    Body,
    Chunks,
    TransportFailed,
    is_loopback,
)

_CERTIFICATES = Path("/etc/docker/certs.d")


class HttpTransport:
    """urllib3 pools, shared by threads.

    Args:
        tls: prepare for https with the certificate authorities Docker would use (30 ms, so not where none is needed).
        connections: how many are kept open per host.
    """

    def __init__(self, host: str, *, tls: bool = True, connections: int = 16) -> None:
        options: dict[str, object] = {
            "num_pools": 8,
            "maxsize": connections,
            "timeout": Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            "blocksize": CHUNK,
        }
        if tls:
            options["ssl_context"] = _tls(host)
        proxy = _proxy(host)
        self._pool: urllib3.PoolManager = (
            urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)  # type: ignore[arg-type]
        )

    def send(self, method: str, url: str, headers: Mapping[str, str], body: Body = None) -> Answer:
        follow = method in ("GET", "HEAD")
        retries = Retry(
            total=5,
            redirect=5 if follow else False,
            connect=False,
            read=False,
            other=False,
            status=0,
            respect_retry_after_header=False,
        )
        sent = {"user-agent": f"windlass/{__version__}", **headers}
        try:
            response = self._pool.request(
                method,
                url,
                headers=sent,
                body=body,
                retries=retries,
                redirect=follow,
                preload_content=False,
                decode_content=False,
            )
        except (broken.HTTPError, OSError, ValueError) as error:
            raise translate(error) from error
        lower = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, lower, _Chunks(response))


class _Chunks(Chunks):
    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response

    def _read(self) -> bytes:
        try:
            return self._response.read(CHUNK, decode_content=False)
        except (broken.HTTPError, OSError) as error:
            raise translate(error) from error

    def _left(self) -> int | None:
        return self._response.length_remaining

    def _end(self, keep: bool) -> None:
        if keep:
            self._response.release_conn()
        else:
            self._response.close()


def translate(error: Exception) -> TransportFailed:
    """urllib3's exceptions, told to a person."""
    if isinstance(error, broken.NameResolutionError):
        return TransportFailed(
            "its name cannot be resolved", passing=True, refused=True, remedy="check the host's name"
        )
    # Before ConnectTimeoutError, which some versions of urllib3 derive it from.
    if isinstance(error, broken.NewConnectionError):
        return TransportFailed("the connection was refused", passing=True, refused=True)
    if isinstance(error, broken.ConnectTimeoutError):
        return TransportFailed(f"no connection within {CONNECT_SECONDS:g} s", passing=True)
    if isinstance(error, broken.ReadTimeoutError):
        return TransportFailed(f"no answer for {READ_SECONDS:g} s", passing=True)
    if isinstance(error, broken.SSLError | ssl.SSLError):
        plain = "wrong version number" in str(error).lower() or "record layer failure" in str(error).lower()
        return TransportFailed(
            "it does not speak TLS" if plain else f"its TLS certificate is not accepted: {_reason(error)}",
            passing=False,
            remedy="set 'insecure: true' for this registry in windlass.yaml if it speaks plain http"
            if plain
            else "install its certificate authority, or name it in SSL_CERT_FILE",
        )
    if isinstance(error, broken.MaxRetryError):
        inner = error.reason
        if isinstance(inner, broken.HTTPError) and not isinstance(inner, broken.MaxRetryError | broken.ResponseError):
            return translate(inner)
        return TransportFailed("it redirects in circles", passing=False)
    if isinstance(error, broken.ProxyError):
        return TransportFailed(f"the proxy does not answer: {_reason(error)}", passing=True, remedy="check HTTPS_PROXY")
    if isinstance(error, broken.ProtocolError | OSError):
        return TransportFailed(f"the connection broke: {_reason(error)}", passing=True)
    return TransportFailed(_reason(error), passing=False)


def _reason(error: BaseException) -> str:
    for inner in error.args[1:]:
        if isinstance(inner, BaseException):
            return _reason(inner)
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:160]


def _tls(host: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    # Where Docker itself looks for the certificate authority of a private registry.
    for file in sorted((_CERTIFICATES / host).glob("*.crt")):
        try:
            context.load_verify_locations(cafile=file)
        except (ssl.SSLError, OSError):
            continue  # Docker skips it too; the handshake will say what is missing
    return context


def _proxy(host: str) -> str | None:
    name = host.rpartition(":")[0] if ":" in host.rpartition("]")[2] else host
    if is_loopback(host) or urllib.request.proxy_bypass(name):
        return None
    return urllib.request.getproxies().get("https")
