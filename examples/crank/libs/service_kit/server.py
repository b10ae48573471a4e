"""Serving an app: a thread per connection, and a stop that finishes what was begun."""

from __future__ import annotations

import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from service_kit.app import App, Request, Response
from service_kit.logs import log

LARGEST_BODY = 10 * 1024 * 1024
IDLE_SECONDS = 30
DRAIN_SECONDS = 5

Background = Callable[[threading.Event], None]


def serve(app: App, port: int, *, tls: ssl.SSLContext | None = None, background: Iterable[Background] = ()) -> None:
    """Answer requests until SIGTERM or SIGINT; then take no new ones, finish those under way, and return.

    Args:
        background: run in threads of their own; each is given an event that is set when it has to end.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = _Server(app, port, tls)
    for task in (lambda _: server.serve_forever(poll_interval=0.1), *background):
        threading.Thread(target=task, args=(stop,), daemon=True).start()
    log("started", service=app.name, port=port, tls=tls is not None)
    stop.wait()
    app.stopping = True
    server.shutdown()
    finished = server.drain(DRAIN_SECONDS)
    log("stopped", service=app.name, finished=finished)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, app: App, port: int, tls: ssl.SSLContext | None) -> None:
        super().__init__(("", port), _Connection)
        self.app = app
        self.tls = tls
        self._under_way = 0
        self._idle = threading.Condition()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the connection's own thread, so that a slow TLS handshake holds up nobody else."""
        request.settimeout(IDLE_SECONDS)
        try:
            if self.tls is None:
                super().finish_request(request, client_address)
            else:
                with self.tls.wrap_socket(request, server_side=True) as encrypted:
                    super().finish_request(encrypted, client_address)
        except (ssl.SSLError, ConnectionError, TimeoutError):
            pass  # the client went away, or never spoke TLS

    def answer(self, request: Request, send: Callable[[Response], None]) -> None:
        """Handle one request and send its response, counted as under way until it is out."""
        with self._idle:
            self._under_way += 1
        try:
            send(self.app.handle(request))
        finally:
            with self._idle:
                self._under_way -= 1
                self._idle.notify_all()

    def drain(self, seconds: float) -> bool:
        with self._idle:
            return self._idle.wait_for(lambda: self._under_way == 0, seconds)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    connection: socket.socket

    def do_GET(self) -> None:
        began = time.monotonic()
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            self.close_connection = True
            self._send(Response.json({"error": f"the body is larger than {LARGEST_BODY} bytes"}, 413))
            return
        body = self.rfile.read(length)
        request = Request(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        try:
            self.server.answer(request, self._send)
        except Exception as error:
            log("failed", service=self.server.app.name, method=self.command, path=self.path, error=repr(error))
            self.close_connection = True
            self._send(Response.json({"error": "the service failed; its log says why"}, 500))
        if not self.path.startswith("/health"):
            milliseconds = round((time.monotonic() - began) * 1000, 1)
            log("request", method=self.command, path=self.path, status=self.status, milliseconds=milliseconds)

    do_POST = do_PUT = do_DELETE = do_GET

    def _send(self, response: Response) -> None:
        self.status = response.status
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        if self.server.app.stopping:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(response.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: `do_GET` writes one line a request."""
