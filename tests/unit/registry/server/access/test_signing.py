"""Signed tokens: issued, checked, forged, expired."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.registry.server.access.caller import CATALOG, repository_scope
from windlass.registry.server.access.signing import ACCESS, LIFETIME, REFRESH, Signer, TokenRefused

KEY = b"k" * 32
NOW = 1_700_000_000.0
SCOPES = (repository_scope("team/app", "pull", "push"), CATALOG)


def signer(now: float = NOW, key: bytes = KEY) -> Signer:
    return Signer(key, lambda: now)


def part(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def test_a_token_says_who_what_and_until_when() -> None:
    issued = signer().issue(ACCESS, "alice", SCOPES, proof="p")
    claims = signer().check(ACCESS, issued.token)
    assert (claims.user, claims.scopes, claims.proof) == ("alice", SCOPES, "p")
    assert claims.expires == NOW + LIFETIME[ACCESS] == NOW + issued.expires_in
    assert issued.expires_in >= 60  # the specification's least


def test_the_claims_are_where_clients_look_for_them() -> None:
    payload = signer().issue(REFRESH, "alice").token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["exp"] == NOW + LIFETIME[REFRESH]
    assert claims["sub"] == "alice"


def test_a_token_ends() -> None:
    issued = signer().issue(ACCESS, "alice", seconds=60)
    assert signer(NOW + 59).check(ACCESS, issued.token)
    with pytest.raises(TokenRefused, match="expired"):
        signer(NOW + 60).check(ACCESS, issued.token)


def test_a_refresh_token_is_no_access_token_and_the_other_way_round() -> None:
    for one, other in ((ACCESS, REFRESH), (REFRESH, ACCESS)):
        with pytest.raises(TokenRefused):
            signer().check(other, signer().issue(one, "alice").token)


def test_another_key_signs_nothing_that_counts() -> None:
    forged = signer(key=b"x" * 32).issue(ACCESS, "alice", SCOPES).token
    with pytest.raises(TokenRefused, match="not signed"):
        signer().check(ACCESS, forged)


def test_an_unsigned_or_changed_token_is_refused() -> None:
    header, payload, signature = signer().issue(ACCESS, "bob", ()).token.split(".")
    claims = {"aud": "windlass-registry", "sub": "alice", "typ": ACCESS, "exp": NOW + 99, "access": []}
    none = part({"alg": "none", "typ": "JWT"})
    for text in (
        f"{none}.{part(claims)}.",
        f"{none}.{part(claims)}.{signature}",
        f"{header}.{part(claims)}.{signature}",
        f"{header}.{payload}.{signature[:-2]}",
        f"{header}.{payload}",
        f"{payload}.{signature}",
    ):
        with pytest.raises(TokenRefused):
            signer().check(ACCESS, text)


@settings(derandomize=True, deadline=None)
@given(st.one_of(st.text(max_size=80), st.binary(max_size=60).map(lambda data: f"a.{data.hex()}.b")))
def test_no_text_is_taken_for_a_token(text: str) -> None:
    with pytest.raises(TokenRefused):
        signer().check(ACCESS, text)


def test_two_tokens_for_the_same_are_not_the_same() -> None:
    assert signer().issue(ACCESS, "alice").token != signer().issue(ACCESS, "alice").token
