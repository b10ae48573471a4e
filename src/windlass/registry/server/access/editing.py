"""Adding and removing users and tokens. A server that runs takes the change in within a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from windlass.errors import UsageError
from windlass.model.secret import Secret
from windlass.registry.server.access.caller import Grant
from windlass.registry.server.access.files import AccessFiles, editing, write_private
from windlass.registry.server.access.htpasswd import hash_password, name_problem, parse_htpasswd
from windlass.registry.server.access.tokens import Token, dump_tokens, make_token, parse_tokens

LONGEST_DAYS = 3650


def add_user(files: AccessFiles, name: str, password: Secret) -> bool:
    """Add a user, or give one another password; True when it is a new one. Other lines and comments stay.

    Raises:
        UsageError: not a name, or not a password.
        ConfigError: the file is wrong already.
        EnvironmentUnusable
    """
    if (reason := name_problem(name)) is not None:
        raise UsageError(reason, remedy="choose another name")
    line = f"{name}:{hash_password(password.reveal())}"
    with editing(files.users):
        lines, known = _lines(files), _users(files)
        kept = [line if _name(each) == name else each for each in lines]
        if name not in known:
            kept.append(line)
        write_private(files.users, "".join(f"{each}\n" for each in kept))
    return name not in known


def remove_user(files: AccessFiles, name: str) -> int:
    """Remove a user, and with it every token it was issued by logging in; how many are left.

    Raises:
        UsageError: there is no such user.
        ConfigError, EnvironmentUnusable
    """
    with editing(files.users):
        if name not in (known := _users(files)):
            raise UsageError(f"there is no user '{name}'", remedy="windlass registry users list")
        kept = [each for each in _lines(files) if _name(each) != name]
        write_private(files.users, "".join(f"{each}\n" for each in kept))
    return len(known) - 1


def create_token(
    files: AccessFiles, note: str, grants: Sequence[Grant], days: float, now: Callable[[], float] = time.time
) -> tuple[Token, Secret]:
    """A long-lived token and its text, which cannot be had again. Expired ones are cleared away.

    Raises:
        UsageError: not a number of days.
        ConfigError, EnvironmentUnusable
    """
    if not 0 < days <= LONGEST_DAYS:
        raise UsageError(f"a token is good for 1 to {LONGEST_DAYS} days", remedy="choose another --days")
    token, text = make_token(note, grants, now(), days * 86400)
    with editing(files.tokens):
        known = _tokens(files)
        kept = [each for each in known.values() if each.expires > now()]
        write_private(files.tokens, dump_tokens([*kept, token]))
    return token, text


def revoke_token(files: AccessFiles, id: str) -> Token:
    """Raises UsageError when there is none; ConfigError, EnvironmentUnusable."""
    with editing(files.tokens):
        known = _tokens(files)
        if id not in known:
            raise UsageError(f"there is no token '{id[:100]}'", remedy="windlass registry token list")
        write_private(files.tokens, dump_tokens(each for each in known.values() if each.id != id))
    return known[id]


def _tokens(files: AccessFiles) -> dict[str, Token]:
    return parse_tokens(files.tokens.read_text(), str(files.tokens)) if files.tokens.exists() else {}


def _users(files: AccessFiles) -> dict[str, str]:
    return parse_htpasswd("\n".join(_lines(files)), str(files.users))


def _lines(files: AccessFiles) -> list[str]:
    return files.users.read_text().splitlines() if files.users.exists() else []


def _name(line: str) -> str:
    return line.strip().partition(":")[0]
