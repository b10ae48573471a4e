"""Routes, requests and responses, without a socket: `App.handle` is a plain function, so tests need no server."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Handler = Callable[["Request"], "Response | dict[str, Any]"]


class Problem(Exception):
    """An answer other than success: raise it anywhere below a handler."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What the `{names}` of the route's path stood for."""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))

    def text(self) -> str:
        try:
            return self.body.decode()
        except UnicodeDecodeError as error:
            raise Problem(400, "the body is not UTF-8 text") from error

    def json(self) -> dict[str, Any]:
        try:
            document = json.loads(self.body)
        except ValueError as error:
            raise Problem(400, f"the body is not JSON: {error}") from error
        if not isinstance(document, dict):
            raise Problem(400, "the body must be a JSON object")
        return document

    def field(self, name: str, kind: type, default: Any = None) -> Any:
        """One member of the JSON body, its type checked; without a default it must be there."""
        value = self.json().get(name, default)
        if not isinstance(value, kind):
            raise Problem(422, f"'{name}' must be given, as {kind.__name__}")
        return value


@dataclass(frozen=True)
class Response:
    body: bytes
    content_type: str = "application/json"
    status: int = 200

    @classmethod
    def json(cls, document: Any, status: int = 200) -> Response:
        return cls(json.dumps(document, ensure_ascii=False).encode(), "application/json", status)

    @classmethod
    def text(cls, text: str, content_type: str = "text/plain; charset=utf-8") -> Response:
        return cls(text.encode(), content_type)


class App:
    """A service: its routes and its readiness checks.

    Every app answers `/health/live` (the process runs), `/health/ready` (it can do its work; 503 when a check says no,
    or while it stops) and `/health`, the same as ready.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.stopping = False
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self._checks: dict[str, Callable[[], bool]] = {}
        self.get("/health/live")(lambda _: {"service": name, "status": "alive"})
        self.get("/health/ready")(self._ready)
        self.get("/health")(self._ready)

    def get(self, path: str) -> Callable[[Handler], Handler]:
        return self._route("GET", path)

    def post(self, path: str) -> Callable[[Handler], Handler]:
        return self._route("POST", path)

    def put(self, path: str) -> Callable[[Handler], Handler]:
        return self._route("PUT", path)

    def ready_check(self, name: str, check: Callable[[], bool]) -> None:
        """Ready only while `check` returns true. It runs at every probe: keep it cheap."""
        self._checks[name] = check

    def handle(self, request: Request) -> Response:
        """Answer a request. A `Problem` becomes its status; anything else is the server's to log."""
        try:
            answer = self._dispatch(request)
        except Problem as problem:
            return Response.json({"error": problem.message}, problem.status)
        return answer if isinstance(answer, Response) else Response.json(answer)

    def _dispatch(self, request: Request) -> Response | dict[str, Any]:
        allowed = set()
        for method, pattern, handler in self._routes:
            if match := pattern.fullmatch(request.path):
                if method == request.method:
                    found = Request(request.method, request.target, request.headers, request.body, match.groupdict())
                    return handler(found)
                allowed.add(method)
        if allowed:
            raise Problem(405, f"use {' or '.join(sorted(allowed))} here")
        raise Problem(404, f"there is nothing at {request.path}")

    def _route(self, method: str, path: str) -> Callable[[Handler], Handler]:
        pattern = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))

        def register(handler: Handler) -> Handler:
            self._routes.append((method, pattern, handler))
            return handler

        return register

    def _ready(self, _: Request) -> Response:
        checks = {name: _holds(check) for name, check in self._checks.items()}
        ready = all(checks.values()) and not self.stopping
        document = {"service": self.name, "status": "ready" if ready else "not ready", "checks": checks}
        return Response.json(document, 200 if ready else 503)


def _holds(check: Callable[[], bool]) -> bool:
    try:
        return bool(check())
    except Exception:
        return False
