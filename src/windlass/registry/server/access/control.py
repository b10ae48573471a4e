"""Access to a registry with users. Runs on the server's event loop; passwords are checked in threads of their own."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import re
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from windlass.errors import WindlassError
from windlass.registry.server.access import decisions
from windlass.registry.server.access.caller import ANONYMOUS, Caller, ResourceScope, allowed
from windlass.registry.server.access.credentials import AZURE_USER, Basic, Malformed, read_authorization
from windlass.registry.server.access.files import AccessFiles, People
from windlass.registry.server.access.htpasswd import UNKNOWN, check_password
from windlass.registry.server.access.interface import Issued
from windlass.registry.server.access.limiter import FailureLimiter
from windlass.registry.server.access.signing import ACCESS, REFRESH, Signer, TokenRefused
from windlass.registry.server.access.tokens import PREFIX, find_token
from windlass.registry.server.problems import Problem
from windlass.registry.server.wire import Request

_LOOK_EVERY = 1.0
"""Seconds between two looks whether a file changed: how long a revoked token may still be good."""
_REMEMBER_SECONDS = 300.0
_REMEMBERED = 10_000
_PASSWORD_THREADS = 2
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?|\[[0-9a-fA-F:.]{2,45}\](?::[0-9]{1,5})?")
_log = logging.getLogger(__name__)


class UserAccess:
    """Decides by users, grants and tokens.

    Args:
        secure: whether the server itself speaks TLS.
        bearer: whether clients are sent for tokens, or asked for the password itself.
        url: what clients call the registry, like `https://registry.example`; taken from their requests when None.

    Raises:
        ConfigError: a file is wrong. Later changes that are wrong are logged, and what was good before goes on.
        EnvironmentUnusable
    """

    enforced = True

    def __init__(
        self,
        files: AccessFiles,
        *,
        secure: bool,
        bearer: bool = True,
        url: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._files = files
        self._secure = secure
        self._sends_for_tokens = bearer
        self._url = url.rstrip("/") if url else None
        self._now = now
        self._people = files.read()
        self._signer = Signer(files.read_key(), now)
        self._stamp = files.stamp()
        self._looked = time.monotonic()
        self._limiter = FailureLimiter()
        self._pool = ThreadPoolExecutor(_PASSWORD_THREADS, thread_name_prefix="registry-passwords")
        self._secret = os.urandom(32)
        self._known: dict[bytes, tuple[float, Caller]] = {}
        self._checking: dict[bytes, asyncio.Task[bool]] = {}
        for name in self._people.strangers():
            _log.warning("%s grants something to '%s', who is no user", files.access, name)

    def recall(self, authorization: str | None) -> Caller | None:
        self._look()
        if authorization is None:
            return self._anonymous()
        return self._recall(self._digest(authorization))

    async def authenticate(self, request: Request) -> Caller:
        header = request.headers.get("authorization")
        if (caller := self.recall(header)) is not None:
            return caller
        try:
            found = read_authorization(header)
        except Malformed as error:
            raise self.challenge(request, (), str(error)) from None
        try:
            if isinstance(found, Basic):
                return await self._login(found.user, found.password, request.client, self._digest(header))
            return self._bearer(found.token, header)
        except TokenRefused as refused:
            raise self.challenge(request, (), str(refused), "invalid_token") from None
        except Problem as problem:
            if problem.status != 401:
                raise
            raise self.challenge(request, (), problem.message) from None

    async def login(self, user: str, password: str, client: str) -> Caller:
        self._look()
        return await self._login(user, password, client, self._digest(f"{user}\0{password}"))

    def issue(self, caller: Caller, wanted: Iterable[ResourceScope]) -> Issued:
        return self._signer.issue(ACCESS, caller.user, allowed(caller, wanted), caller.proof)

    def issue_refresh(self, caller: Caller) -> Issued:
        return self._signer.issue(REFRESH, caller.user, (), caller.proof)

    def redeem(self, refresh_token: str) -> Caller:
        self._look()
        try:
            claims = self._signer.check(REFRESH, refresh_token)
            return self._caller(claims.user, None, claims.proof)
        except TokenRefused as refused:
            raise Problem(401, "UNAUTHORIZED", str(refused)) from None

    def challenge(self, request: Request, scopes: Iterable[ResourceScope], message: str, error: str = "") -> Problem:
        return decisions.challenge(self._realm(request), scopes, message, error)

    def require(self, request: Request, needed: Iterable[ResourceScope]) -> None:
        if (problem := decisions.refusal(request.caller, needed, self._realm(request))) is not None:
            raise problem

    def _anonymous(self) -> Caller:
        return Caller(ANONYMOUS, self._people.granted(ANONYMOUS, 0) or ())

    def _bearer(self, token: str, header: str) -> Caller:
        """Raises TokenRefused."""
        claims = self._signer.check(ACCESS, token)
        caller = self._caller(claims.user, claims.scopes, claims.proof)
        return self._remember(self._digest(header), caller, claims.expires - self._now())

    def _caller(self, user: str, limits: tuple[ResourceScope, ...] | None, proof: str) -> Caller:
        """Raises TokenRefused when the user is gone or has another password now."""
        grants = self._people.granted(user, self._now())
        if grants is None or proof != self._proof(user):
            raise TokenRefused("the token's user is gone, or has another password")
        return Caller(user, grants, limits, proof)

    def _proof(self, user: str) -> str:
        hashed = self._people.users.get(user)
        return self._signer.digest(hashed) if hashed is not None else ""

    async def _login(self, user: str, password: str, client: str, digest: bytes) -> Caller:
        if (known := self._recall(digest)) is not None:
            return known
        first = digest not in self._checking  # the others wait for its answer, and are no attempts of their own
        if first:
            if (seconds := self._limiter.wait(client, user)) > 0:
                wait = (("retry-after", str(seconds)),)
                raise Problem(429, "TOOMANYREQUESTS", "too many failed logins", headers=wait)
            self._limiter.attempt(client, user)
        name = await self._identify(user, password, digest)
        grants = self._people.granted(name, self._now()) if name is not None else None
        if name is None or grants is None:
            _log.warning("login of %r from %s failed", user[:100], client or "an unknown address")
            raise Problem(401, "UNAUTHORIZED", "wrong user name or password")
        if first:
            self._limiter.succeeded(client, user)
        return self._remember(digest, Caller(name, grants, None, self._proof(name)), _REMEMBER_SECONDS)

    async def _identify(self, user: str, password: str, digest: bytes) -> str | None:
        """Whose credentials these are: a user's name or a token's; None when they are wrong."""
        people = self._people
        if password.startswith(PREFIX):
            token = find_token(password, people.tokens, self._now())
            return token.user if token is not None else None
        if user == AZURE_USER:
            try:
                return self.redeem(password).user
            except Problem:
                return None
        # An unknown name takes as long as a known one, so that nobody learns which names there are.
        hashed = people.users.get(user) or next(iter(people.users.values()), UNKNOWN)
        right = await self._compare(password, hashed, digest)
        return user if right and user in people.users else None

    async def _compare(self, password: str, hashed: str, digest: bytes) -> bool:
        """One comparison for all requests that show the same at once: clients push layers side by side."""
        task = self._checking.get(digest)
        if task is None:
            loop = asyncio.get_running_loop()

            async def compare() -> bool:
                return await loop.run_in_executor(self._pool, check_password, password, hashed)

            task = self._checking[digest] = loop.create_task(compare())
            task.add_done_callback(lambda _: self._checking.pop(digest, None))
        return await asyncio.shield(task)

    def _digest(self, text: str) -> bytes:
        """A keyed digest, so that no credential rests in memory and comparing says nothing about them."""
        return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), key=self._secret, digest_size=32).digest()

    def _recall(self, digest: bytes) -> Caller | None:
        found = self._known.get(digest)
        return found[1] if found is not None and found[0] > time.monotonic() else None

    def _remember(self, digest: bytes, caller: Caller, seconds: float) -> Caller:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        if (token := self._people.tokens.get(caller.user.removeprefix("token:"))) is not None:
            seconds = min(seconds, token.expires - self._now())
        self._known[digest] = (time.monotonic() + min(seconds, _REMEMBER_SECONDS), caller)
        return caller

    def _look(self) -> None:
        """Take in files that changed."""
        now = time.monotonic()
        if now - self._looked < _LOOK_EVERY:
            return
        self._looked = now
        stamp = self._files.stamp()
        if stamp == self._stamp:
            return
        try:
            people, key = self._files.read(), self._files.read_key()
        except WindlassError as error:
            self._stamp = stamp
            _log.error("%s; what was right before goes on", error)
            return
        self._take(people, key)

    def _take(self, people: People, key: bytes) -> None:
        self._stamp = self._files.stamp()
        self._people, self._signer = people, Signer(key, self._now)
        self._known.clear()
        _log.info("users, grants or tokens changed")

    def _realm(self, request: Request) -> str | None:
        if not self._sends_for_tokens:
            return None
        if self._url is not None:
            return f"{self._url}/token"
        host = request.host if _HOST.fullmatch(request.host) else "localhost"
        forwarded = request.headers.get("x-forwarded-proto")
        return f"{'https' if self._secure or forwarded == 'https' else 'http'}://{host}/token"
