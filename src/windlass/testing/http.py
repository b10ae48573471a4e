"""Web servers for tests: one in memory, and a real one on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any, TypeAlias

from windlass.verify.probe import Request, Response, Unanswered

Answer: TypeAlias = Response | Unanswered


def answer(status: int = 200, body: object = "", **headers: str) -> Response:
    """A response; a body that is not text is sent as JSON. Header names are given with `_` for `-`."""
    text = body if isinstance(body, str) else json.dumps(body)
    named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return Response(status, "", named, text.encode())


@dataclass
class FakeServer:
    """A `verify.probe.Send` in memory: gives `answers` in turn, the last one for ever. `requests` are those sent."""

    answers: list[Answer] = field(default_factory=lambda: [answer()])
    requests: list[Request] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Request) -> Response:
        with self._guard:
            self.requests.append(request)
            given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(given, Unanswered):
            raise given
        return given


@dataclass(frozen=True)
class Asked:
    """A request as a real server saw it. Header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@contextmanager
def serving(respond: Callable[[Asked], Response], *, certificate: Path | None = None) -> Iterator[int]:
    """A server on a free loopback port, over TLS when a PEM file with certificate and key is given. Yields the port."""

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            response = respond(Asked(self.command, self.path, headers, body))
            self.send_response(response.status, response.reason or None)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(response.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _handle

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *args: Any) -> None:
            """A client that gives up in the middle is part of the tests."""

    server = Server(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = SSLContext(PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
