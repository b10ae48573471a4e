"""`/oauth2/exchange` and `/oauth2/token`: how clients written for ACR get the registry's tokens.

Source: "AAD-OAuth.md" of Azure/acr. `exchange` gives a refresh token for a token of Azure Active Directory, `token` an
access token for that. Nothing here asks Azure anything. With users configured, what stands in the place of Azure's token
must be something the registry knows: `USER:PASSWORD`, a long-lived token, or a refresh token of its own.
"""

from __future__ import annotations

import json

from windlass.registry.server.access.caller import Caller
from windlass.registry.server.access.credentials import AZURE_USER
from windlass.registry.server.access.endpoint import issue, read_form
from windlass.registry.server.interface import Services
from windlass.registry.server.problems import Problem, unsupported
from windlass.registry.server.wire import JSON, Query, Reply, Request


class OAuthApi:
    """Answers every path that begins with `/oauth2/`."""

    def __init__(self, services: Services) -> None:
        self._access = services.access

    async def answer(self, request: Request, caller: Caller) -> Reply:
        if request.path not in ("/oauth2/exchange", "/oauth2/token"):
            raise Problem(404, "UNSUPPORTED", "no such path")
        if request.method != "POST":
            raise unsupported(request.method)
        form = await read_form(request)
        if request.path == "/oauth2/exchange":
            return await self._exchange(request, form)
        return await self._token(request, caller, form)

    async def _exchange(self, request: Request, form: Query) -> Reply:
        kind = form.get("grant_type")
        if kind in ("access_token", "access_token_refresh_token"):
            shown = form.get("access_token")
        elif kind == "refresh_token":
            shown = form.get("refresh_token")
        else:
            raise _bad("grant_type is none of access_token, access_token_refresh_token and refresh_token")
        caller = await self._owner(request, shown)
        return _json({"refresh_token": self._access.issue_refresh(caller).token})

    async def _token(self, request: Request, caller: Caller, form: Query) -> Reply:
        kind = form.get("grant_type")
        if kind == "refresh_token":
            caller = self._redeem(form.get("refresh_token"))
        elif kind == "access_token":
            caller = await self._owner(request, form.get("access_token"))
        elif kind != "password":
            raise _bad("grant_type is none of refresh_token, access_token and password")
        elif user := form.get("username"):
            caller = await self._access.login(user, form.get("password") or "", request.client)
        issued = issue(self._access, caller, form.all("scope"))
        return _json({"access_token": issued.token, "expires_in": issued.expires_in})

    async def _owner(self, request: Request, shown: str | None) -> Caller:
        """Who shows something in the place of Azure's token."""
        if self._access.enforced and shown and (":" in shown or "." not in shown):  # a JSON Web Token is neither
            user, _, password = shown.partition(":") if ":" in shown else (AZURE_USER, "", shown)
            return await self._access.login(user, password, request.client)
        return self._redeem(shown)

    def _redeem(self, token: str | None) -> Caller:
        if not token:
            raise Problem(401, "UNAUTHORIZED", "a token is missing")
        return self._access.redeem(token)


def _bad(reason: str) -> Problem:
    return Problem(400, "UNSUPPORTED", reason)


def _json(document: object) -> Reply:
    return Reply(200, (("content-type", JSON), ("cache-control", "no-store")), json.dumps(document).encode())
