"""Where tokens are issued: GET `/token` and OAuth 2's POST.

Sources: Distribution "Token Authentication Specification" and "OAuth2 Token Authentication"; RFC 6749, section 5.2 (errors).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from windlass.registry.server.access.caller import ANONYMOUS, Caller, parse_scopes
from windlass.registry.server.access.interface import Access, Issued
from windlass.registry.server.access.signing import SERVICE
from windlass.registry.server.problems import Problem, unsupported
from windlass.registry.server.wire import JSON, Query, Reply, Request, read_body

PATH = "/token"
_FORM_LIMIT = 64 * 1024
_SCOPES = 100


class TokenEndpoint:
    def __init__(self, access: Access) -> None:
        self._access = access

    async def answer(self, request: Request) -> Reply:
        """Issue a token.

        Raises:
            Problem: 401 wrong credentials, 400 a form that is none, 404 where there are no users.
        """
        if not self._access.enforced:
            raise Problem(404, "UNSUPPORTED", "this registry has no users and asks for no tokens")
        if request.method == "GET":
            return await self._get(request)
        if request.method == "POST":
            return await self._post(request)
        raise unsupported(request.method)

    async def _get(self, request: Request) -> Reply:
        query = request.query
        try:
            caller = await self._access.authenticate(request)
            if caller.user == ANONYMOUS and not caller.grants:
                raise Problem(401, "UNAUTHORIZED", "authentication is required")
        except Problem as problem:
            if problem.status == 401:  # a client that is here already is not sent here again
                basic = (("www-authenticate", f'Basic realm="{SERVICE}"'),)
                raise Problem(401, "UNAUTHORIZED", problem.message, headers=basic) from None
            raise
        issued = issue(self._access, caller, query.all("scope"))
        document = {**_times(issued), "token": issued.token, "access_token": issued.token}
        if query.get("offline_token") in ("true", "1") and not caller.anonymous and caller.limits is None:
            document["refresh_token"] = self._access.issue_refresh(caller).token
        return _json(200, document)

    async def _post(self, request: Request) -> Reply:
        form = await read_form(request)
        service = form.get("service")
        if service not in (None, "", SERVICE):
            return _refused(400, "invalid_request", "another service's tokens are not issued here")
        kind, refresh = form.get("grant_type"), None
        try:
            if kind == "password":
                caller = await self._access.login(
                    form.get("username") or "", form.get("password") or "", request.client
                )
                if form.get("access_type") == "offline":
                    refresh = self._access.issue_refresh(caller).token
            elif kind == "refresh_token":
                refresh = form.get("refresh_token") or ""
                caller = self._access.redeem(refresh)
            else:
                return _refused(400, "unsupported_grant_type", "grant_type is neither password nor refresh_token")
        except Problem as problem:
            if problem.status == 401:
                return _refused(401, "invalid_grant", problem.message)
            raise
        issued = issue(self._access, caller, form.all("scope"))
        scope = " ".join(str(each) for each in issued.scopes)
        document = {**_times(issued), "access_token": issued.token, "token_type": "Bearer", "scope": scope}
        if refresh is not None:
            document["refresh_token"] = refresh
        return _json(200, document)


def issue(access: Access, caller: Caller, texts: list[str]) -> Issued:
    """An access token for scopes as a request writes them.

    Raises:
        Problem: 400 too many.
    """
    wanted = parse_scopes(texts)
    if len(wanted) > _SCOPES:
        raise Problem(400, "UNSUPPORTED", f"a token may have at most {_SCOPES} scopes")
    return access.issue(caller, wanted)


async def read_form(request: Request) -> Query:
    """The fields of an `application/x-www-form-urlencoded` body.

    Raises:
        Problem: 413 or 400.
    """
    data = await read_body(request, _FORM_LIMIT, "a form")
    try:
        return Query(data.decode())
    except ValueError:
        raise Problem(400, "UNSUPPORTED", "the body is not a form") from None


def _times(issued: Issued) -> dict[str, object]:
    at = datetime.fromtimestamp(int(issued.issued_at), UTC).isoformat().replace("+00:00", "Z")
    return {"expires_in": issued.expires_in, "issued_at": at}


def _refused(status: int, error: str, message: str) -> Reply:
    """OAuth 2's error and the registry's, for clients of either kind."""
    code = "UNAUTHORIZED" if status == 401 else "UNSUPPORTED"
    document = {"error": error, "error_description": message, "errors": [{"code": code, "message": message}]}
    return _json(status, document, *((("www-authenticate", f'Basic realm="{SERVICE}"'),) if status == 401 else ()))


def _json(status: int, document: object, *headers: tuple[str, str]) -> Reply:
    kept = (("content-type", JSON), ("cache-control", "no-store"), *headers)
    return Reply(status, kept, json.dumps(document).encode())
