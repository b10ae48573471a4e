"""Reading an `Authorization` header: Basic (RFC 7617) and Bearer (RFC 6750). Pure."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

HEADER_LIMIT = 16 * 1024
"""Characters of an `Authorization`. A token for a hundred repositories has about ten thousand."""

AZURE_USER = "00000000-0000-0000-0000-000000000000"
"""The user name with which `az acr login` gives Docker a refresh token for a password."""


@dataclass(frozen=True, slots=True, repr=False)
class Basic:
    user: str
    password: str


@dataclass(frozen=True, slots=True, repr=False)
class Bearer:
    token: str


class Malformed(Exception):
    """The header is none of these; the message says why, without its content."""


def read_authorization(header: str) -> Basic | Bearer:
    """Raises Malformed."""
    if len(header) > HEADER_LIMIT:
        raise Malformed(f"the Authorization header has more than {HEADER_LIMIT} characters")
    scheme, _, rest = header.strip().partition(" ")
    rest = rest.strip()
    if scheme.lower() == "bearer":
        if not rest or not rest.isascii() or " " in rest:
            raise Malformed("the bearer token is malformed")
        return Bearer(rest)
    if scheme.lower() != "basic":
        raise Malformed("the Authorization scheme is neither Basic nor Bearer")
    try:
        user, colon, password = base64.b64decode(rest, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise Malformed("the Basic credentials are not base64 of UTF-8") from None
    if not colon:
        raise Malformed("the Basic credentials have no colon")
    return Basic(user, password)
