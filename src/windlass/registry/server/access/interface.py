"""What the server and its extensions ask of access control."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from windlass.registry.server.access.caller import Caller, ResourceScope
from windlass.registry.server.problems import Problem
from windlass.registry.server.wire import Request


@dataclass(frozen=True, slots=True)
class Issued:
    """A signed token (a JWT), seconds it is good for, when it was issued (seconds since 1970), and what it allows."""

    token: str
    expires_in: int
    issued_at: float
    scopes: tuple[ResourceScope, ...] = ()


class Access(Protocol):
    """`enforced` is False for a registry without users: everybody may do everything, and tokens are only a formality."""

    enforced: bool

    async def authenticate(self, request: Request) -> Caller:
        """Who sent this, by its `Authorization` (Basic or Bearer); nobody in particular without one.

        Raises:
            Problem: 400 malformed, 401 wrong or expired, 429 after too many wrong passwords.
        """

    def recall(self, authorization: str | None) -> Caller | None:
        """The caller of an `Authorization` that was checked a short while ago, at once; None when it has to be checked."""

    async def login(self, user: str, password: str, client: str) -> Caller:
        """Check a password or a long-lived token. `client` is the address it came from, for counting failures.

        Raises:
            Problem: 401 or 429.
        """

    def issue(self, caller: Caller, wanted: Iterable[ResourceScope]) -> Issued:
        """An access token for what the caller may have of the wanted scopes."""

    def issue_refresh(self, caller: Caller) -> Issued:
        """A refresh token, with which access tokens can be had without the password."""

    def redeem(self, refresh_token: str) -> Caller:
        """Whose refresh token this is.

        Raises:
            Problem: 401 forged, expired, or its user was removed or got another password.
        """

    def challenge(self, request: Request, scopes: Iterable[ResourceScope], message: str, error: str = "") -> Problem:
        """A 401 that tells the client where to get a token for these scopes."""

    def require(self, request: Request, needed: Iterable[ResourceScope]) -> None:
        """Let a request through whose caller may do all of this.

        Raises:
            Problem: 401 with a challenge when logging in or another token would help, else 403.
        """
