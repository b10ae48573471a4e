"""What a request needs, and how it is refused. Pure.

Sources: OCI Distribution Specification 1.1, "Error Codes"; Distribution "Token Authentication Specification", "How to
authenticate"; RFC 6750, section 3 (the challenge).
"""

from __future__ import annotations

from collections.abc import Iterable

from windlass.registry.server.access.caller import CATALOG, Caller, ResourceScope, repository_scope
from windlass.registry.server.access.signing import SERVICE
from windlass.registry.server.problems import Problem
from windlass.registry.server.wire import Route

_READ = ("GET", "HEAD")


def needs(place: Route, method: str) -> tuple[ResourceScope, ...]:
    """The scopes a request of this kind takes. The sources of mounts and the images of `whole` are judged by their handlers."""
    if place.kind == "catalog":
        return (CATALOG,)
    if not place.name:
        return ()
    if place.kind == "upload":
        return (repository_scope(place.name, "push"),)
    if method in _READ:
        return (repository_scope(place.name, "pull"),)
    return (repository_scope(place.name, "delete" if method == "DELETE" else "push"),)


def asks_who(place: Route) -> bool:
    """Whether a request without credentials is always asked for some.

    `/v2/` is how clients find out that they have to log in, and a catalog for nobody in particular would look complete
    to those who could see more.
    """
    return place.kind in ("base", "catalog", "whole")


def has(caller: Caller, scope: ResourceScope) -> bool:
    if scope.kind == "registry":
        return caller.may_list()
    return all(caller.may(scope.name, action) for action in scope.actions)


def was_granted(caller: Caller, scope: ResourceScope) -> bool:
    """Whether another token of the same user would do."""
    if scope.kind == "registry":
        return bool(caller.grants)
    return all(caller.granted(scope.name, action) for action in scope.actions)


def refusal(caller: Caller, needed: Iterable[ResourceScope], realm: str | None) -> Problem | None:
    """Why a caller may not go on; None when they may.

    401 with a challenge to those who could still log in or get a token for more; 403 to those for whom it would not help.
    """
    wanted = tuple(needed)
    missing = [scope for scope in wanted if not has(caller, scope)]
    if not missing:
        return None
    if caller.anonymous:
        return challenge(realm, wanted, "authentication is required")
    if all(was_granted(caller, scope) for scope in missing):
        return challenge(realm, wanted, "the token is not for this", error="insufficient_scope")
    return Problem(403, "DENIED", "requested access to the resource is denied", _detail(missing))


def challenge(realm: str | None, scopes: Iterable[ResourceScope], message: str, error: str = "") -> Problem:
    """401 UNAUTHORIZED that says where tokens are issued and which scopes to ask for; without a `realm`, that passwords are wanted."""
    listed = tuple(scopes)
    if realm is None:
        basic = (("www-authenticate", f'Basic realm="{SERVICE}"'),)
        return Problem(401, "UNAUTHORIZED", message, _detail(listed) or None, basic)
    parts = [f'realm="{realm}"', f'service="{SERVICE}"']
    if listed:
        parts.append(f'scope="{" ".join(str(_usual(scope)) for scope in listed)}"')
    if error:
        parts.append(f'error="{error}"')
    return Problem(
        401, "UNAUTHORIZED", message, _detail(listed) or None, (("www-authenticate", f"Bearer {','.join(parts)}"),)
    )


def _usual(scope: ResourceScope) -> ResourceScope:
    """Who pushes also looks what is there, and asks for one token for both."""
    return repository_scope(scope.name, "pull", "push") if scope.actions == {"push"} else scope


def _detail(scopes: Iterable[ResourceScope]) -> list[dict[str, str]]:
    """As the specification's example has it."""
    return [
        {"Type": scope.kind, "Name": scope.name, "Action": action}
        for scope in scopes
        for action in sorted(scope.actions)
    ]
