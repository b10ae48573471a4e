"""Something between a client and a server on this machine: it hears every request, and can cut the line."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Callable, Sequence

_REQUEST = re.compile(rb"(GET|HEAD|POST|PUT|PATCH|DELETE) (/\S{0,1000}) HTTP/1\.[01]\r\n")
_LONGEST = 1100
_CHUNK = 64 * 1024


class Proxy:
    """Passes connections on to `port` of 127.0.0.1; itself at `host` (`127.0.0.1:PORT`).

    `requests` lists what clients asked, as (method, target), in the order in which the requests began.

    Args:
        cut_sent: after so many bytes towards the server (counted anew after each cut, over all connections) the connection
            they came on is reset at both ends; one cut for each number.
        cut_received: the same for bytes towards clients.
    """

    def __init__(self, port: int, *, cut_sent: Sequence[int] = (), cut_received: Sequence[int] = ()) -> None:
        self.requests: list[tuple[str, str]] = []
        self.cuts = 0
        self._port = port
        self._left = {"sent": list(cut_sent), "received": list(cut_received)}
        self._guard = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Proxy:
        self._start(self._accept)
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        self._threads[0].join()
        with self._guard:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _start(self, work: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True, name="windlass-proxy")
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port)) as server:
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._guard:
                self._open |= {client, server}
            back = self._start(self._pass_on, "received", server, client)
            self._pass_on("sent", client, server)
            back.join()
            with self._guard:
                self._open -= {client, server}

    def _pass_on(self, way: str, origin: socket.socket, target: socket.socket) -> None:
        heard = _Hearing(self.requests) if way == "sent" else None
        try:
            while chunk := origin.recv(_CHUNK):
                if heard is not None:
                    heard.take(chunk)
                allowed = self._allowed(way, len(chunk))
                target.sendall(chunk[:allowed])
                if allowed < len(chunk):
                    _end(origin, target)
                    return
            target.shutdown(socket.SHUT_WR)
        except OSError:
            _end(origin, target)

    def _allowed(self, way: str, size: int) -> int:
        with self._guard:
            left = self._left[way]
            if not left:
                return size
            if left[0] > size:
                left[0] -= size
                return size
            self.cuts += 1
            return min(left.pop(0), size - 1)


def _end(*connections: socket.socket) -> None:
    """Wake whoever reads or writes there; closing them will be a reset, not a farewell."""
    for one in connections:
        with contextlib.suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.shutdown(socket.SHUT_RD)


class _Hearing:
    """Finds the request lines in what a client sends, wherever the chunks end."""

    def __init__(self, found: list[tuple[str, str]]) -> None:
        self._found = found
        self._tail = b""

    def take(self, chunk: bytes) -> None:
        text = self._tail + chunk
        end = 0
        for match in _REQUEST.finditer(text):
            self._found.append((match[1].decode(), match[2].decode("latin-1")))
            end = match.end()
        self._tail = text[max(end, len(text) - _LONGEST) :]
