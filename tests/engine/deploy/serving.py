"""A small server to be replaced under load, and clients that count what went wrong."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

CHECK = json.dumps(
    [
        "CMD",
        "bash",
        "-c",
        "exec 3<>/dev/tcp/127.0.0.1/8080; printf 'GET /health HTTP/1.0\\r\\n\\r\\n' >&3; "
        "read -r _ code _ <&3; test $$code = 200",
    ]
)
"""A Compose health check of a service that answers at /health, for images with Bash: it is run every second, and costs little."""

SERVER = """
import http.server, os, signal, socketserver, ssl, sys, threading, time, urllib.request

VERSION = os.environ.get("VERSION", "?")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status, text = 200, VERSION
        if self.path == "/slow":
            print("asked /slow", flush=True)
            time.sleep(2)
        if self.path.startswith("/peer/"):
            text = urllib.request.urlopen("http://" + self.path[6:] + "/", timeout=30).read().decode()
        if self.path == "/forwarded":
            text = self.headers.get("X-Forwarded-For", "")
        if os.environ.get("BROKEN") and self.path != "/health":
            status = 500
        if self.path == "/health" and os.environ.get("UNWELL"):
            status = 500
        if self.headers.get("Upgrade"):
            self.send_response(101)
            self.send_header("Upgrade", "test")
            self.send_header("Connection", "Upgrade")
            self.end_headers()
            while word := self.rfile.readline():
                self.wfile.write(VERSION.encode() + b" " + word)
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
        print("served", self.path, flush=True)

    def log_message(self, *args):
        pass


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        while word := self.rfile.readline():
            self.wfile.write(VERSION.encode() + b" " + word)


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


if os.environ.get("CRASH"):
    sys.exit(3)
servers = [Server(("", int(os.environ.get("PORT", "8080"))), Handler), socketserver.ThreadingTCPServer(("", 7000), Echo)]
if os.path.exists("/app/server.pem"):
    tls = Server(("", 8443), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("/app/server.pem")
    tls.socket = context.wrap_socket(tls.socket, server_side=True, do_handshake_on_connect=False)
    servers.append(tls)
for server in servers:
    threading.Thread(target=server.serve_forever, daemon=True).start()
print("here", VERSION, flush=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
signal.pause()
"""


@dataclass
class Load:
    """What clients saw: answers by text, and failures by reason."""

    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def total(self) -> int:
        return sum(self.answers.values()) + len(self.failures)

    def note(self, answer: str | None, failure: str = "") -> None:
        with self._guard:
            if answer is None:
                self.failures.append(failure)
            else:
                self.answers[answer] += 1

    @contextmanager
    def running(self, *clients: Any) -> Iterator[Load]:
        threads = [threading.Thread(target=client, args=(self, self._stop), daemon=True) for client in clients]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(15)


def keeping(port: int, path: str = "/", *, pause: float = 0.04, tls: bool = False) -> Any:
    """A client that sends all its requests over one connection, and opens another only when told that it was closed."""

    def run(load: Load, stop: threading.Event) -> None:
        connection: http.client.HTTPConnection | None = None
        while not stop.is_set():
            try:
                connection = connection or _connect(port, tls)
                connection.request("GET", path)
                answer = connection.getresponse()
                text = answer.read().decode()
                load.note(text if answer.status == 200 else None, f"status {answer.status}")
                if answer.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException) as error:
                load.note(None, f"kept: {error!r}")
                if connection is not None:
                    connection.close()
                connection = None
            stop.wait(pause)
        if connection is not None:
            connection.close()

    return run


def fresh(port: int, path: str = "/", *, pause: float = 0.04, tls: bool = False) -> Any:
    """A client that opens a connection for every request."""

    def run(load: Load, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                connection = _connect(port, tls)
                connection.request("GET", path, headers={"Connection": "close"})
                answer = connection.getresponse()
                text = answer.read().decode()
                load.note(text if answer.status == 200 else None, f"status {answer.status}")
                connection.close()
            except (OSError, http.client.HTTPException) as error:
                load.note(None, f"fresh {path}: {error!r}")
            stop.wait(pause)

    return run


def _connect(port: int, tls: bool) -> http.client.HTTPConnection:
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
    return http.client.HTTPConnection("127.0.0.1", port, timeout=10)


class Line:
    """One connection that is kept open and answers lines."""

    def __init__(self, port: int, *, upgrade: bool = False, context: ssl.SSLContext | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        if context is not None:
            self._socket = context.wrap_socket(self._socket)
        self._file = self._socket.makefile("rwb")
        if upgrade:
            self._file.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n")
            self._file.flush()
            while self._file.readline().strip():
                pass

    def say(self, word: str) -> str:
        self._file.write(word.encode() + b"\n")
        self._file.flush()
        return self._file.readline().decode().strip()

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def get(port: int, path: str = "/", *, tls: bool = False) -> str:
    connection = _connect(port, tls)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def certificate() -> str:
    """A self-signed certificate with its key, PEM."""
    from windlass import process

    made = process.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost",
         "-keyout", "/dev/stdout"],
        check=True,
    )  # fmt: skip
    return made.stdout
