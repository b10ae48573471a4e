"""Users and their passwords, in the format of Apache's `htpasswd -B`: one `NAME:$2y$…` a line. Pure but for bcrypt."""

from __future__ import annotations

import re

from windlass.errors import ConfigError, UsageError
from windlass.registry.server.access.caller import ANONYMOUS

_HASH = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_NAME = re.compile(r"[A-Za-z0-9_.@+-]{1,100}")
_COSTS = range(4, 18)
"""The costs `htpasswd -C` writes. A login at 17 takes seconds; one at 30 would take hours."""
_COST = 12
PASSWORD_LIMIT = 72
"""Bytes of a password that bcrypt looks at."""

UNKNOWN = "$2b$12$zxtEjrjzt.7Sgen2YzqSteNqLm3Ht8dSPh4NqWlumKmB0M1UJWx72"
"""What the password of a name that does not exist is compared with, so that the answer takes as long."""


def parse_htpasswd(text: str, where: str) -> dict[str, str]:
    """Users and their hashes.

    Args:
        where: the file's name, for errors.

    Raises:
        ConfigError: a line that is no user, has another hash than bcrypt's, or names a user again; with its number.
    """
    users: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, colon, hashed = line.partition(":")
        place = f"{where}: line {number}"
        if not colon:
            raise ConfigError("not a user: NAME:HASH is expected", where=place, remedy="remove the line")
        if (reason := name_problem(name)) is not None:
            raise ConfigError(reason, where=place, remedy="give the user another name")
        found = _HASH.fullmatch(hashed)
        if found is None or int(found[1]) not in _COSTS:
            raise ConfigError(
                f"the password of '{name}' is not hashed with bcrypt (at a cost of 4 to 17)",
                where=place,
                remedy=f"set it anew: windlass registry users add {name} (or: htpasswd -B FILE {name})",
            )
        if name in users:
            raise ConfigError(f"'{name}' is there twice", where=place, remedy="remove one of the lines")
        users[name] = hashed
    return users


def name_problem(name: str) -> str | None:
    """Why this cannot be a user's name; None when it can."""
    if name == ANONYMOUS:
        return f"'{ANONYMOUS}' means everybody who did not log in and cannot be a user"
    if _NAME.fullmatch(name) is None:
        return "a user's name is made of letters, digits and _ . @ + -, at most 100 of them"
    return None


def hash_password(password: str) -> str:
    """Takes about a quarter of a second.

    Raises:
        UsageError: an empty or too long password.
    """
    import bcrypt

    data = password.encode()
    if not password or len(data) > PASSWORD_LIMIT or "\0" in password or "\n" in password:
        raise UsageError(
            f"a password is one line of 1 to {PASSWORD_LIMIT} bytes", remedy="choose another; bcrypt ignores the rest"
        )
    return bcrypt.hashpw(data, bcrypt.gensalt(_COST)).decode()


def check_password(password: str, hashed: str) -> bool:
    """Whether this is the password; compares in constant time and takes as long as the hash's cost says."""
    import bcrypt

    if "\0" in password:
        return False
    # htpasswd cuts longer passwords off when it hashes them, so they are cut off here
    return bcrypt.checkpw(password.encode()[:PASSWORD_LIMIT], hashed.encode())
