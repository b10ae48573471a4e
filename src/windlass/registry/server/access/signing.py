"""Signed tokens: JSON Web Tokens (RFC 7519) with HMAC-SHA-256 (RFC 7515, "HS256").

The claims are those of the Distribution "Token Authentication Implementation"; `typ` tells access from refresh tokens, so
that neither passes for the other.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from windlass.registry.server.access.caller import ResourceScope
from windlass.registry.server.access.interface import Issued

SERVICE = "windlass-registry"
"""The name the registry has as the audience of its tokens: the `service` of a challenge."""

Kind: TypeAlias = Literal["access", "refresh"]
ACCESS: Kind = "access"
REFRESH: Kind = "refresh"

LIFETIME: dict[Kind, int] = {ACCESS: 900, REFRESH: 90 * 24 * 3600}
"""Seconds. What a user may do is looked up at every request, so that an access token loses with its user."""

_LIMIT = 16 * 1024
_HEADER = {"alg": "HS256", "typ": "JWT"}


class TokenRefused(Exception):
    """A token that is malformed, not signed here, not for this, or over."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a checked token says. `expires` in seconds since 1970."""

    user: str
    expires: float
    scopes: tuple[ResourceScope, ...]
    proof: str


class Signer:
    """Issues and checks tokens with one secret key."""

    def __init__(self, key: bytes, now: Callable[[], float] = time.time) -> None:
        self._key = key
        self._now = now

    @classmethod
    def random(cls) -> Signer:
        return cls(os.urandom(32))

    def issue(
        self, kind: Kind, user: str, scopes: tuple[ResourceScope, ...] = (), proof: str = "", seconds: int | None = None
    ) -> Issued:
        now = self._now()
        lifetime = LIFETIME[kind] if seconds is None else seconds
        claims = {
            "iss": SERVICE,
            "aud": SERVICE,
            "sub": user,
            "typ": kind,
            "iat": int(now),
            "exp": int(now) + lifetime,
            "jti": os.urandom(9).hex(),
            "access": [{"type": scope.kind, "name": scope.name, "actions": sorted(scope.actions)} for scope in scopes],
            **({"proof": proof} if proof else {}),
        }
        signed = f"{_encode(_json(_HEADER))}.{_encode(_json(claims))}"
        return Issued(f"{signed}.{_encode(self._sign(signed))}", lifetime, now, scopes)

    def check(self, kind: Kind, token: str) -> Claims:
        """Raises TokenRefused."""
        if len(token) > _LIMIT or not token.isascii():
            raise TokenRefused("not a token")
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(_decode(signature), self._sign(signed)):
            raise TokenRefused("not signed by this registry")
        header, _, payload = signed.partition(".")
        claims = _object(payload)
        if _object(header).get("alg") != "HS256" or claims.get("typ") != kind or claims.get("aud") != SERVICE:
            raise TokenRefused("a token for something else")
        if claims["exp"] <= self._now():
            raise TokenRefused("the token has expired")
        scopes = tuple(
            ResourceScope(each["type"], each["name"], frozenset(each["actions"])) for each in claims["access"]
        )
        return Claims(claims["sub"], float(claims["exp"]), scopes, claims.get("proof", ""))

    def digest(self, text: str) -> str:
        """A keyed digest: says whether two texts are the same, and nothing about them."""
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()[:32]

    def _sign(self, text: str) -> bytes:
        return hmac.new(self._key, text.encode(), hashlib.sha256).digest()


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenRefused("not a token") from None


def _object(part: str) -> dict[str, Any]:
    """A part whose signature was found good, so it holds what `issue` wrote."""
    found = json.loads(_decode(part))
    return found if isinstance(found, dict) else {}
