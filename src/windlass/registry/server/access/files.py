"""The files access control is made of, in the registry's root; read as one, written so that a crash leaves the old ones.

htpasswd       users (`htpasswd -B`); its presence, or that of tokens.json, is what turns access control on
access.yaml    who may do what; without it every user may do everything
tokens.json    long-lived tokens, hashed
token.key      what short-lived tokens are signed with; made when missing, so deleting it ends them all
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from windlass.errors import ConfigError, EnvironmentUnusable
from windlass.registry.server.access.caller import ANONYMOUS, Grant
from windlass.registry.server.access.grants import EVERYTHING, Grants, parse_access
from windlass.registry.server.access.htpasswd import parse_htpasswd
from windlass.registry.server.access.tokens import Token, parse_tokens
from windlass.registry.server.storage.durable import sync_folder

Stamp: TypeAlias = tuple[tuple[int, int, int] | None, ...]
_KEY = re.compile(r"[0-9a-f]{64}")
_LARGEST = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class People:
    """Everybody who can log in, and what they may do. `grants` is None without an `access.yaml`."""

    users: dict[str, str]
    tokens: dict[str, Token]
    grants: Grants | None

    @property
    def anybody(self) -> bool:
        return bool(self.users or self.tokens)

    def granted(self, user: str, now: float) -> tuple[Grant, ...] | None:
        """What a user, a token (`token:ID`) or nobody in particular may do; None for one that does not exist (any more)."""
        if user == ANONYMOUS:
            return (self.grants or {}).get(ANONYMOUS, ())
        if user.startswith("token:"):
            token = self.tokens.get(user.removeprefix("token:"))
            return token.grants if token is not None and token.expires > now else None
        if user not in self.users:
            return None
        return EVERYTHING if self.grants is None else self.grants.get(user, ())

    def strangers(self) -> list[str]:
        """Names that were granted something and are no users: misspelt, or removed."""
        return sorted(name for name in self.grants or {} if name not in self.users and name != ANONYMOUS)


@dataclass(frozen=True, slots=True)
class AccessFiles:
    users: Path
    access: Path
    tokens: Path
    key: Path

    @classmethod
    def of(cls, root: Path, users: Path | None = None, access: Path | None = None) -> AccessFiles:
        """The files of a root; `users` and `access` where they are elsewhere."""
        return cls(users or root / "htpasswd", access or root / "access.yaml", root / "tokens.json", root / "token.key")

    def present(self) -> bool:
        """Whether this registry has users, even if nobody is left among them."""
        return self.users.exists() or self.tokens.exists()

    def stamp(self) -> Stamp:
        """Changes whenever one of the files does."""
        return tuple(_stamp(path) for path in (self.users, self.access, self.tokens, self.key))

    def read(self) -> People:
        """Raises ConfigError for what is wrong in them, EnvironmentUnusable when they cannot be read."""
        users, access, tokens = _read(self.users), _read(self.access), _read(self.tokens)
        return People(
            parse_htpasswd(users, str(self.users)) if users is not None else {},
            parse_tokens(tokens, str(self.tokens)) if tokens is not None else {},
            parse_access(access, str(self.access)) if access is not None else None,
        )

    def read_key(self) -> bytes:
        """The signing key, made when there is none.

        Raises:
            ConfigError: others may read it, or it is no key.
            EnvironmentUnusable
        """
        remedy = f"remove {self.key}: another one is made, and everybody has to log in again"
        text = _read(self.key)
        if text is None:
            write_private(self.key, f"{os.urandom(32).hex()}\n")
            text = _read(self.key) or ""
        if self.key.stat().st_mode & 0o077:
            raise ConfigError("others can read the signing key", where=str(self.key), remedy=remedy)
        if _KEY.fullmatch(text.strip()) is None:
            raise ConfigError("is not a signing key", where=str(self.key), remedy=remedy)
        return bytes.fromhex(text.strip())


def write_private(path: Path, text: str) -> None:
    """Replace a file by one that only its owner can read.

    Raises:
        EnvironmentUnusable
    """
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)  # a token that was revoked must not come back with a power cut
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise EnvironmentUnusable(
            f"{path} cannot be written: {error.strerror}", remedy=f"make {path.parent} writable"
        ) from error


@contextmanager
def editing(path: Path) -> Iterator[None]:
    """Only one process at a time changes a file: two that read it at once would each lose what the other writes.

    Raises:
        EnvironmentUnusable
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise EnvironmentUnusable(
            f"{path.parent} cannot be used: {error.strerror}", remedy="make the folder writable, or name another --root"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _read(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ConfigError("is too large", where=str(path), remedy="name the right file")
        return data.decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise ConfigError("is not text", where=str(path), remedy="name the right file") from error
    except OSError as error:
        raise EnvironmentUnusable(
            f"{path} cannot be read: {error.strerror}", remedy="let the registry's user read it"
        ) from error


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_ino, seen.st_size
