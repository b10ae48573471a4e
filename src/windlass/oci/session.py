"""Requests to one registry: its URL, patience, login, and the meaning of what it answers."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urljoin, urlsplit

from windlass.errors import CredentialsMissing, RegistryUnavailable, UsageError, WindlassError
from windlass.oci import reference as references
from windlass.oci.auth import Authenticator, login_remedy, merge
from windlass.oci.azure import AzureCredentials
from windlass.oci.credentials import Credentials, DockerCredentials
from windlass.oci.faults import Malformed, NotFound, Rejected
from windlass.oci.transport import Answer, Body, Transport, TransportFailed, is_loopback
from windlass.waiting import Clock, SystemClock

MakeBody: TypeAlias = Callable[[], Body]

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_NOTHING: Mapping[str, str] = {}
_ERROR_LIMIT = 64 * 1024
_BREAKS = 4


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on trying, in seconds: `total` per request; `refused` where nothing listens at all; pauses grow
    from `first` to `longest`, each cut by up to half at random so that many clients do not come back together, and so
    does what a registry asks to wait for (`Retry-After`), by up to `first`. It is not waited for beyond `total`."""

    total: float = 60.0
    refused: float = 3.0
    first: float = 0.2
    longest: float = 10.0

    def pause(self, attempt: int, chance: float) -> float:
        return min(self.longest, self.first * 2.0 ** min(attempt, 20)) * (1 - chance / 2)


class Session:
    """One registry. Shared by threads.

    Args:
        insecure: plain http; None means so for this machine's own addresses only.
    """

    def __init__(
        self,
        host: str,
        *,
        insecure: bool | None = None,
        credentials: Credentials | None = None,
        transport: Transport | None = None,
        patience: Patience | None = None,
        clock: Clock | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        if not references.is_host(host):
            raise UsageError(
                f"'{host[:80]}' is not a registry host", remedy="write it as name or name:port, without https://"
            )
        self.host = references.DOCKER_HUB if host == "index.docker.io" else host
        plain = is_loopback(host) if insecure is None else insecure
        address = "registry-1.docker.io" if self.host == references.DOCKER_HUB else self.host
        self.base = f"{'http' if plain else 'https'}://{address}"
        self.patience = patience or Patience()
        self.clock = clock or SystemClock()
        self._chance = chance
        self._not_before = 0.0
        self._transport = transport or _transport(self.host, plain)
        self.auth = Authenticator(
            self.host,
            not plain,
            credentials or AzureCredentials(DockerCredentials()),
            self._ask_token_server,
            self.clock,
        )

    def request(
        self,
        method: str,
        target: str,
        *,
        scopes: Collection[str] = (),
        headers: Mapping[str, str] = _NOTHING,
        body: bytes | MakeBody | None = None,
        expect: Collection[int] = (200,),
        retry: bool = True,
    ) -> Answer:
        """Send a request until it is answered; return an answer whose status is in `expect`.

        With `retry` it may arrive twice, so that it must not matter: every request of the specification but PATCH of an
        upload and the PUT that ends one is of that kind (a second POST opens one more session, which expires).

        Args:
            target: a path (`/v2/…`), or a URL the registry gave. Credentials go to the registry's own address only.
            body: bytes, or a function that makes the body anew for every try.
            retry: false gives up at the first failure that may pass; logging in still happens.

        Raises:
            RegistryUnavailable, CredentialsMissing, NotFound, Rejected
        """
        url = self.resolve(target)
        own = urlsplit(url).netloc == urlsplit(self.base).netloc
        wanted = merge(scopes)
        header = self.auth.header(wanted) if own else None
        answer = self._patiently(method, url, _authorised(headers, header), body, retry)
        said: bytes | None = None
        if answer.status == 401 and own:
            said = _error_body(answer)
            if self.auth.learn(answer.headers.get("www-authenticate", ""), wanted, header):
                fresh = self.auth.header(wanted)
                if fresh is not None and fresh != header:
                    answer, said = self._patiently(method, url, _authorised(headers, fresh), body, retry), None
        if answer.status in expect:
            return answer
        raise self._failure(method, url, answer, _error_body(answer) if said is None else said)

    def fetch(
        self, target: str, limit: int, *, scopes: Collection[str] = (), headers: Mapping[str, str] = _NOTHING
    ) -> tuple[Answer, bytes]:
        """GET something small whole; an answer that breaks off is asked for again.

        Raises:
            Malformed: it is larger than `limit` bytes.
            RegistryUnavailable, CredentialsMissing, NotFound, Rejected
        """
        for attempt in range(_BREAKS):
            answer = self.request("GET", target, scopes=scopes, headers=headers)
            try:
                body = answer.body(limit)
            except TransportFailed as error:
                if attempt == _BREAKS - 1:
                    raise self.broken(error) from error
                self.pause(attempt)
                continue
            finally:
                answer.drop()
            if len(body) > limit:
                raise Malformed(f"the answer is larger than {limit} bytes", where=f"{self.base}{target}")
            break
        return answer, body

    def broken(self, error: TransportFailed) -> RegistryUnavailable:
        return RegistryUnavailable(
            f"the registry {self.host} breaks off in the middle of an answer: {error.message}", remedy="try again later"
        )

    def resolve(self, target: str) -> str:
        """The URL of a path, or of a `Location` or `Link` the registry gave, which may be relative.

        Raises:
            RegistryUnavailable: it is no URL for http.
        """
        try:
            url = urljoin(self.base, target)
            parts = urlsplit(url)
        except ValueError as error:
            raise RegistryUnavailable(f"the registry points to {target[:120]!r}", where=self.host) from error
        base = urlsplit(self.base)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise RegistryUnavailable(f"the registry points to {target[:120]!r}", where=self.host)
        if parts.netloc == base.netloc:
            # Behind a proxy that ends TLS, registries often write http:// into their Location.
            return parts._replace(scheme=base.scheme).geturl()
        return url

    def pause(self, attempt: int) -> None:
        """Let some time pass before trying for the `attempt`-th time again (counted from 0), and what the registry asked for."""
        self.clock.pause(max(self.patience.pause(attempt, self._chance()), self._asked()))

    @property
    def closed(self) -> bool:
        """Whether the registry asked to wait longer than anybody will."""
        return self._asked() > self.patience.total

    def _asked(self) -> float:
        """Seconds to wait because the registry said so, to whichever thread; with some chance added."""
        left = self._not_before - self.clock.now()
        return left + self.patience.first * self._chance() if left > 0 else 0.0

    def unlike(self, answer: Answer, what: str) -> RegistryUnavailable:
        """The error for an answer that no registry would give."""
        kind = answer.headers.get("content-type", "").partition(";")[0]
        page = "an HTML page" if kind == "text/html" else what
        return RegistryUnavailable(
            f"{self.host} does not answer like a registry: {page} (HTTP {answer.status})",
            remedy=f"check that a registry runs there: curl {self.base}/v2/",
        )

    def _ask_token_server(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        return self._patiently(method, url, headers, body, True)

    def _patiently(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | MakeBody | None, retry: bool
    ) -> Answer:
        start = self.clock.now()
        attempt = 0
        while True:
            limit, least = self.patience.total, 0.0
            failure: WindlassError
            try:
                answer = self._transport.send(method, url, headers, body() if callable(body) else body)
            except TransportFailed as error:
                failure = self._silent(url, error, attempt + 1)
                failure.__cause__ = error
                if not error.passing:
                    raise failure from error
                if error.refused:
                    limit = min(limit, self.patience.refused)
            else:
                if answer.status not in _PASSING:
                    return answer
                least = _retry_after(answer.headers.get("retry-after"), time.time())
                failure = self._failure(method, url, answer, _error_body(answer))
            if least:
                self._not_before = max(self._not_before, self.clock.now() + least)
            wait = max(self._asked(), self.patience.pause(attempt, self._chance()))
            if not retry or self.clock.now() + wait - start > limit:
                if least:
                    failure.remedy = f"the registry asks to wait {least:g} s; run again after that"
                raise failure
            self.clock.pause(wait)
            attempt += 1

    def _silent(self, url: str, error: TransportFailed, tries: int) -> RegistryUnavailable:
        named = urlsplit(url).netloc
        whom = f"the registry {self.host}" if named == urlsplit(self.base).netloc else f"{named}, used by {self.host},"
        often = f" ({tries} tries)" if tries > 1 else ""
        return RegistryUnavailable(
            f"{whom} does not answer: {error.message}{often}",
            remedy=error.remedy or f"check that it runs and can be reached: curl {self.base}/v2/",
        )

    def _failure(self, method: str, url: str, answer: Answer, body: bytes) -> WindlassError:
        code, said = parse_errors(body)
        what = f"{method} {urlsplit(url).path}"
        detail = f"{code}: {said}" if code and said else code or said or f"HTTP {answer.status}"
        if answer.status in (401, 403):
            return CredentialsMissing(
                f"the registry {self.host} refuses {what} (HTTP {answer.status}, {detail}); tried {self.auth.who}",
                remedy=f"log in with an account that may do this: {login_remedy(self.host)}",
            )
        if answer.status in _PASSING:
            return RegistryUnavailable(
                f"the registry {self.host} is in trouble (HTTP {answer.status}, {detail}), at {what}",
                remedy="try again later; its own log says more",
            )
        html = answer.headers.get("content-type", "").startswith("text/html")
        if answer.status == 404 and not (html and method == "GET" and "/referrers/" not in url):
            # A web page instead of the error body means a wrong address, and must not pass for an empty registry; but
            # HEAD has no body to judge by, and older registries do not know the path for referrers.
            return NotFound(f"the registry {self.host} has nothing at {urlsplit(url).path} ({detail})")
        if html:
            return self.unlike(answer, "an HTML page")
        if code == "DIGEST_INVALID":
            return Malformed(
                f"the registry {self.host} found another digest in what it was sent, at {what}",
                remedy="the local copy is damaged: build the image again",
            )
        return Rejected(
            f"the registry {self.host} refuses {what} ({detail}, HTTP {answer.status})",
            status=answer.status,
            code=code,
        )


def parse_errors(body: bytes) -> tuple[str, str]:
    """The first error of an OCI error body: its code and message, cut for people; empty when it is none."""
    try:
        first = json.loads(body)["errors"][0]
        return str(first.get("code") or "")[:60], str(first.get("message") or "")[:200]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return "", ""


def _error_body(answer: Answer) -> bytes:
    """What a refusal says, as far as it arrives: its status counts even when its words are lost."""
    try:
        return answer.body(_ERROR_LIMIT)
    except TransportFailed:
        return b""
    finally:
        answer.drop()


def _transport(host: str, plain: bool) -> Transport:
    if plain and is_loopback(host):  # no TLS, no proxy
        from windlass.oci.plain import PlainTransport

        return PlainTransport(host)
    from windlass.oci.http import HttpTransport

    return HttpTransport(host, tls=not plain)


def _authorised(headers: Mapping[str, str], header: str | None) -> Mapping[str, str]:
    return {**headers, "authorization": header} if header else headers


def _retry_after(value: str | None, now: float) -> float:
    """Seconds to wait, from either form of `Retry-After` (RFC 9110, 10.2.3); 0 when there is none."""
    if not value:
        return 0.0
    if value.strip().isdigit():
        return float(value)
    import email.utils

    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now)
    except (TypeError, ValueError, OverflowError):
        return 0.0
