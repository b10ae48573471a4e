"""Access to a registry without users: everybody may do everything."""

from __future__ import annotations

from collections.abc import Iterable

from windlass.registry.server.access.caller import EVERYBODY, Caller, ResourceScope
from windlass.registry.server.access.interface import Issued
from windlass.registry.server.access.signing import ACCESS, REFRESH, Signer
from windlass.registry.server.problems import Problem
from windlass.registry.server.wire import Request


class OpenAccess:
    """Tokens are issued for clients that insist on some, signed with a key nobody keeps; none is ever asked for."""

    enforced = False

    def __init__(self) -> None:
        self._signer = Signer.random()

    async def authenticate(self, request: Request) -> Caller:
        return EVERYBODY

    async def login(self, user: str, password: str, client: str) -> Caller:
        return EVERYBODY

    def issue(self, caller: Caller, wanted: Iterable[ResourceScope]) -> Issued:
        return self._signer.issue(ACCESS, caller.user, tuple(wanted))

    def issue_refresh(self, caller: Caller) -> Issued:
        return self._signer.issue(REFRESH, caller.user)

    def redeem(self, refresh_token: str) -> Caller:
        return EVERYBODY

    def recall(self, authorization: str | None) -> Caller | None:
        return EVERYBODY

    def challenge(self, request: Request, scopes: Iterable[ResourceScope], message: str, error: str = "") -> Problem:
        return Problem(401, "UNAUTHORIZED", message)

    def require(self, request: Request, needed: Iterable[ResourceScope]) -> None:
        return None
