"""Long-lived tokens for CI: random, stored only as a hash, ending by themselves, revocable one by one. Pure but for chance.

A token is used as a password, with any user name. Its text is `wlr_<id>_<secret>`: the id finds its record, and the
prefix lets scanners for secrets recognise what leaked.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from windlass.errors import ConfigError
from windlass.model.secret import Secret
from windlass.registry.server.access.caller import Grant
from windlass.registry.server.access.grants import make_grant

PREFIX = "wlr_"
_TEXT = re.compile(r"wlr_([0-9a-f]{12})_([0-9a-f]{64})")
_ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token. `created` and `expires` in seconds since 1970; `hashed` is SHA-256 in hex.

    SHA-256 is enough for a secret of 256 random bits: nobody can guess it, however quick the hash.
    """

    id: str
    note: str
    hashed: str
    grants: tuple[Grant, ...]
    created: float
    expires: float

    @property
    def user(self) -> str:
        """The name it goes by where a user's would stand; no user can have it, because of the colon."""
        return f"token:{self.id}"


def make_token(note: str, grants: Iterable[Grant], now: float, seconds: float) -> tuple[Token, Secret]:
    """A new token's record, and its text, which is nowhere else."""
    id, secret = os.urandom(6).hex(), os.urandom(32).hex()
    record = Token(id, note, _hash(secret), tuple(grants), now, now + seconds)
    return record, Secret(f"{PREFIX}{id}_{secret}")


def find_token(text: str, tokens: dict[str, Token], now: float) -> Token | None:
    """The record of a token's text; None for one that is unknown, revoked, wrong or over."""
    found = _TEXT.fullmatch(text)
    record = tokens.get(found[1]) if found is not None else None
    if found is None or record is None or not hmac.compare_digest(_hash(found[2]), record.hashed):
        return None
    return record if record.expires > now else None


def dump_tokens(tokens: Iterable[Token]) -> str:
    listed = [
        {
            "id": each.id,
            "note": each.note,
            "sha256": each.hashed,
            "grants": [{"repositories": one.repositories, "actions": sorted(one.actions)} for one in each.grants],
            "created": each.created,
            "expires": each.expires,
        }
        for each in tokens
    ]
    return json.dumps({"tokens": listed}, indent=2) + "\n"


def parse_tokens(text: str, where: str) -> dict[str, Token]:
    """Records by id.

    Raises:
        ConfigError: the file was not written by `dump_tokens`.
    """
    try:
        listed = [_token(each, where) for each in json.loads(text)["tokens"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(
            "is not a list of tokens", where=where, remedy="remove the file; tokens must then be created anew"
        ) from error
    return {each.id: each for each in listed}


def _token(found: dict[str, object], where: str) -> Token:
    id, hashed, grants = str(found["id"]), str(found["sha256"]), found["grants"]
    if _ID.fullmatch(id) is None or not isinstance(grants, list):
        raise ValueError
    rules = tuple(make_grant(str(one["repositories"]), list(one["actions"]), where) for one in grants)
    return Token(id, str(found["note"]), hashed, rules, _number(found["created"]), _number(found["expires"]))


def _number(found: object) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ValueError
    return float(found)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
