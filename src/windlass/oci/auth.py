"""Logging in to a registry: basic, bearer tokens, and Azure's exchange.

Sources: distribution "Token Authentication Specification" (GET) and "OAuth2 Token Authentication" (POST); for ACR,
Azure/acr `docs/AAD-OAuth.md`. A token is kept per set of scopes until shortly before it ends.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import SplitResult, urlencode, urlsplit

from windlass.errors import CredentialsMissing, RegistryUnavailable
from windlass.model.secret import Secret
from windlass.oci.credentials import Credential, Credentials
from windlass.oci.transport import Answer, TransportFailed, is_loopback
from windlass.waiting import Clock

AZURE_USER = "00000000-0000-0000-0000-000000000000"
"""The user name that means "the password is a refresh token" to ACR."""

Scopes: TypeAlias = frozenset[str]
Ask: TypeAlias = Callable[[str, str, Mapping[str, str], bytes | None], Answer]

_PART = re.compile(r'([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([A-Za-z][\w-]*)')
_USUAL_SECONDS = 60.0
_ANSWER_LIMIT = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge of a `WWW-Authenticate` header; `scheme` is in lower case."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """All challenges of a header's value; anything that is none is passed over."""
    found: list[tuple[str, dict[str, str]]] = []
    for match in _PART.finditer(header):
        key, quoted, plain, scheme = match.groups()
        if scheme:
            found.append((scheme.lower(), {}))
        elif found:
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
            found[-1][1].setdefault(key.lower(), value)
    return tuple(
        Challenge(scheme, values.get("realm", ""), values.get("service", ""), values.get("scope", ""))
        for scheme, values in found
    )


def merge(*scopes: Iterable[str]) -> Scopes:
    """One scope per resource, with all the actions asked for it."""
    actions: dict[str, set[str]] = {}
    for scope in (one for group in scopes for one in group):
        resource, _, wanted = scope.rpartition(":")
        actions.setdefault(resource, set()).update(wanted.split(","))
    return frozenset(f"{resource}:{','.join(sorted(wanted))}" for resource, wanted in actions.items())


def covers(have: Scopes, wanted: Scopes) -> bool:
    return merge(have, wanted) == merge(have)


def login_remedy(host: str) -> str:
    if host.endswith(".azurecr.io"):
        return f"az acr login --name {host.partition('.')[0]}"
    return "docker login" if host == "docker.io" else f"docker login {host}"


@dataclass(slots=True)
class _Token:
    header: str
    scopes: Scopes
    until: float


class Authenticator:
    """Turns a registry's challenges into `Authorization` headers. Shared by threads.

    Args:
        ask: sends one request without any `Authorization` of its own and with the usual patience.
    """

    def __init__(self, host: str, secure: bool, credentials: Credentials, ask: Ask, clock: Clock) -> None:
        self._host = host
        self._secure = secure
        self._credentials = credentials
        self._ask = ask
        self._clock = clock
        self._guard = threading.Lock()
        self._fetching: dict[Scopes, threading.Lock] = {}
        self._challenge: Challenge | None = None
        self._credential: Credential | None = None
        self._extra: dict[Scopes, Scopes] = {}
        self._tokens: list[_Token] = []

    @property
    def who(self) -> str:
        """Which credential was tried, for people."""
        return self._credential.who if self._credential else "no credentials"

    @property
    def azure(self) -> bool:
        """Whether the registry's token server is Azure's."""
        return self._challenge is not None and self._challenge.realm.endswith("/oauth2/token")

    def header(self, scopes: Scopes) -> str | None:
        """The `Authorization` for a request, as far as the registry has asked for one so far.

        Raises:
            CredentialsMissing: the token server refuses.
            RegistryUnavailable: the token server does not answer, or not like one.
        """
        challenge = self._challenge
        if challenge is None:
            return None
        if challenge.scheme == "basic":
            credential = self._found()
            return basic_header(credential.username, credential.password) if credential.password else None
        wanted = merge(scopes, self._extra.get(scopes, ()))
        with self._guard:
            turn = self._fetching.setdefault(wanted, threading.Lock())
        with turn:  # one request per scope, however many threads want it
            if (kept := self._kept(wanted)) is not None:
                return kept
            token, seconds = self._fetch(challenge, wanted)
            header = f"Bearer {token.reveal()}"
            until = self._clock.now() + seconds - min(30.0, seconds / 4)
            with self._guard:
                self._tokens = [one for one in self._tokens if one.until > self._clock.now()]
                self._tokens.append(_Token(header, wanted, until))
            return header

    def learn(self, www_authenticate: str, scopes: Scopes, refused: str | None) -> bool:
        """Take in a 401. `refused` is the header that was not accepted. False when there is nothing that can be answered."""
        known = [one for one in parse_challenges(www_authenticate) if one.scheme in ("bearer", "basic")]
        best = next((one for one in known if one.scheme == "bearer" and one.realm), None)
        best = best or next((one for one in known if one.scheme == "basic"), None)
        if best is None:
            return False
        with self._guard:
            self._challenge = best
            self._extra[scopes] = frozenset(scope for scope in best.scope.split() if scope.count(":") >= 2)
            if refused is not None:
                self._tokens = [one for one in self._tokens if one.header != refused]
                self._credential = None
        return True

    def _kept(self, wanted: Scopes) -> str | None:
        now = self._clock.now()
        with self._guard:
            return next((one.header for one in self._tokens if one.until > now and covers(one.scopes, wanted)), None)

    def _found(self) -> Credential:
        credential = self._credential
        if credential is None:
            credential = self._credential = self._credentials.find(self._host)
        return credential

    def _fetch(self, challenge: Challenge, scopes: Scopes) -> tuple[Secret, float]:
        credential = self._found()
        if credential.bearer is not None:
            return credential.bearer, _USUAL_SECONDS
        realm = self._realm(challenge)
        if credential.present and self._secure and realm.scheme == "http" and not is_loopback(realm.netloc):
            raise CredentialsMissing(
                f"the registry wants the password sent unencrypted to {realm.netloc}; it was not sent",
                where=self._host,
                remedy="ask the registry's operator for a token server with https",
            )
        identity = credential.identity
        if credential.azure is not None:
            identity = self._exchange(challenge, credential.azure, credential.tenant)
        if identity is not None:
            form = {"grant_type": "refresh_token", "refresh_token": identity.reveal()}
            answer = self._post(challenge, scopes, form)
            if answer.status in (404, 405):
                answer = self._get(challenge, scopes, credential.username or AZURE_USER, identity)
        else:
            answer = self._get(challenge, scopes, credential.username, credential.password)
            if answer.status in (404, 405) and credential.password is not None:
                form = {
                    "grant_type": "password",
                    "username": credential.username,
                    "password": credential.password.reveal(),
                }
                answer = self._post(challenge, scopes, form)
        document = self._read(answer, challenge.realm)
        token = document.get("token") or document.get("access_token")
        if not isinstance(token, str) or not token or not _is_header_text(token):
            raise RegistryUnavailable("the token server's answer holds no token", where=challenge.realm)
        return Secret(token), _seconds(document.get("expires_in"))

    def _realm(self, challenge: Challenge) -> SplitResult:
        try:
            realm = urlsplit(challenge.realm)
            if realm.scheme in ("http", "https") and realm.hostname:
                return realm
        except ValueError:
            pass  # an address that urllib cannot take apart is none
        raise RegistryUnavailable(
            f"the registry names a token server that is no URL: {challenge.realm[:120]!r}", where=self._host
        )

    def _get(self, challenge: Challenge, scopes: Scopes, username: str, password: Secret | None) -> Answer:
        query = [("service", challenge.service)] if challenge.service else []
        query += [("scope", scope) for scope in sorted(scopes)]
        headers: dict[str, str] = {}
        if password is not None:
            query.append(("account", username))
            headers["authorization"] = basic_header(username, password)
        joint = "&" if urlsplit(challenge.realm).query else "?"
        return self._ask(
            "GET", f"{challenge.realm}{joint}{urlencode(query)}" if query else challenge.realm, headers, None
        )

    def _post(self, challenge: Challenge, scopes: Scopes, form: Mapping[str, str]) -> Answer:
        fields = {"client_id": "windlass", "service": challenge.service, "scope": " ".join(sorted(scopes)), **form}
        return self._ask("POST", challenge.realm, _FORM, urlencode(fields).encode())

    def _exchange(self, challenge: Challenge, token: Secret, tenant: str) -> Secret:
        """An Azure access token against a refresh token of this registry."""
        realm = urlsplit(challenge.realm)
        url = realm._replace(path=realm.path.removesuffix("/token") + "/exchange", query="").geturl()
        fields = {"grant_type": "access_token", "service": challenge.service, "access_token": token.reveal()}
        if tenant:
            fields["tenant"] = tenant
        document = self._read(self._ask("POST", url, _FORM, urlencode(fields).encode()), url)
        refresh = document.get("refresh_token")
        if not isinstance(refresh, str) or not refresh:
            raise RegistryUnavailable("the exchange's answer holds no refresh token", where=url)
        return Secret(refresh)

    def _read(self, answer: Answer, url: str) -> dict[str, Any]:
        try:
            body = answer.body(_ANSWER_LIMIT)
        except TransportFailed as error:
            raise RegistryUnavailable(f"the token server breaks off: {error.message}", where=url) from error
        if answer.status in (400, 401, 403):
            raise CredentialsMissing(
                f"the registry's token server refuses (HTTP {answer.status}); tried {self.who}",
                where=self._host,
                remedy=login_remedy(self._host),
            )
        try:
            document = json.loads(body) if answer.status == 200 else None
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise RegistryUnavailable(f"the token server answers with HTTP {answer.status} and no token", where=url)
        return document


_FORM = {"content-type": "application/x-www-form-urlencoded"}


def basic_header(username: str, password: Secret) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password.reveal()}".encode()).decode()


def _seconds(value: object) -> float:
    """`expires_in`; the specification's 60 where it is missing or absurd."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 10**7:
        return float(value)
    return _USUAL_SECONDS


def _is_header_text(token: str) -> bool:
    return token.isascii() and token.isprintable() and " " not in token
