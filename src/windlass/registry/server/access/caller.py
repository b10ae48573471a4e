"""Callers and what they may do. Pure.

Scopes follow the Distribution "Token Scope Documentation"; the actions beyond `pull` and `push` are the ones ACR knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

Action: TypeAlias = Literal["pull", "push", "delete", "metadata_read", "metadata_write", "*"]

ACTIONS: frozenset[Action] = frozenset({"pull", "push", "delete", "metadata_read", "metadata_write"})
"""What may be granted on a repository."""

ANONYMOUS = "anonymous"
"""Who did not log in; the name under which such people may be granted something."""

_RESOURCE = re.compile(r"([a-z0-9]+)(?:\([a-z0-9]+\))?:([^ ]+):([a-z_*,]*)")


@dataclass(frozen=True, slots=True)
class ResourceScope:
    """Actions on one resource: `repository:NAME:pull,push` or `registry:catalog:*`."""

    kind: str
    name: str
    actions: frozenset[str]

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}:{','.join(sorted(self.actions, key=_order))}"


@dataclass(frozen=True, slots=True)
class Grant:
    """Actions on every repository that a glob matches: `*` within one part of a name, `**` across parts."""

    repositories: str
    actions: frozenset[Action]

    def covers(self, repository: str, action: str) -> bool:
        return action in self.actions and _pattern(self.repositories).fullmatch(repository) is not None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what they may do: what was granted, within the limits of the token they show.

    Args:
        limits: the scopes of an access token; None for somebody who showed a password.
        proof: ties a refresh token to the password it was asked for with, so that it ends with it.
    """

    user: str
    grants: tuple[Grant, ...]
    limits: tuple[ResourceScope, ...] | None = None
    proof: str = ""

    @property
    def anonymous(self) -> bool:
        return self.user == ANONYMOUS

    def granted(self, repository: str, action: str) -> bool:
        """Whether it was granted, whatever the token in use is limited to."""
        return any(grant.covers(repository, action) for grant in self.grants)

    def may(self, repository: str, action: str) -> bool:
        """Whether the caller may do this now."""
        return self._within("repository", repository, action) and self.granted(repository, action)

    def may_list(self) -> bool:
        """Whether the caller may ask for the catalog, which then shows what they may pull."""
        return bool(self.grants) and self._within("registry", "catalog", "*")

    def _within(self, kind: str, name: str, action: str) -> bool:
        return self.limits is None or any(
            scope.kind == kind and scope.name == name and action in scope.actions for scope in self.limits
        )


EVERYBODY = Caller(ANONYMOUS, (Grant("**", ACTIONS),))
"""The caller of a registry without users: may do everything."""


def repository_scope(name: str, *actions: str) -> ResourceScope:
    return ResourceScope("repository", name, frozenset(actions))


CATALOG = ResourceScope("registry", "catalog", frozenset("*"))


def parse_scopes(texts: Iterable[str]) -> tuple[ResourceScope, ...]:
    """Scopes of a token request, each text holding one or several between spaces; what is none is passed over."""
    found = []
    for text in " ".join(texts).split():
        if (match := _RESOURCE.fullmatch(text)) is not None:
            actions = frozenset(action for action in match[3].split(",") if action)
            found.append(ResourceScope(match[1], match[2], actions))
    return tuple(found)


def allowed(caller: Caller, wanted: Iterable[ResourceScope]) -> tuple[ResourceScope, ...]:
    """What of the wanted scopes the caller may have: the intersection ("Requesting a Token"). Empty scopes are left out."""
    found = []
    for scope in wanted:
        actions: frozenset[str] = frozenset()
        if scope.kind == "repository":
            asked = scope.actions | (ACTIONS if "*" in scope.actions else frozenset())
            actions = frozenset(action for action in asked if action != "*" and caller.may(scope.name, action))
        elif (scope.kind, scope.name) == ("registry", "catalog") and "*" in scope.actions and caller.may_list():
            actions = frozenset("*")
        if actions:
            found.append(ResourceScope(scope.kind, scope.name, actions))
    return tuple(found)


def is_glob(text: str) -> bool:
    """Whether this can match a repository name at all."""
    return re.fullmatch(r"[a-z0-9._*/-]{1,255}", text) is not None and "***" not in text


@lru_cache(1024)
def _pattern(glob: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*)", glob)
    return re.compile("".join({"**": ".*", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts))


def _order(action: str) -> int:
    known = ("pull", "push", "delete", "metadata_read", "metadata_write")
    return known.index(action) if action in known else len(known)
