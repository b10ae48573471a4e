"""What a client does to a registry in a benchmark, with as little of the client's own work as can be."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator

_BUFFER = 1024 * 1024
_UNITS = {"B": 1.0, "KB": 2.0**10, "MB": 2.0**20, "GB": 2.0**30}


def noise(count: int) -> bytes:
    """Bytes that nothing compresses, others every time."""
    return os.urandom(count)


def put_blob(port: int, name: str, data: bytes) -> float:
    """Upload a blob with POST and PUT; seconds from the first byte to the answer."""
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    began = time.perf_counter()
    with _connect(port) as line:
        line.sendall(_head("POST", port, f"/v2/{name}/blobs/uploads/", 0))
        status, headers = _answer(line)
        assert status == 202, status
        place = re.sub(r"^https?://[^/]+", "", headers["location"])
        joint = "&" if "?" in place else "?"
        line.sendall(_head("PUT", port, f"{place}{joint}digest={digest}", len(data)))
        line.sendall(data)
        status, _ = _answer(line)
        assert status == 201, status
    return time.perf_counter() - began


def get_blob(port: int, name: str, digest: str) -> float:
    """Download a blob and drop it; seconds."""
    buffer = bytearray(_BUFFER)
    began = time.perf_counter()
    with _connect(port) as line:
        line.sendall(_head("GET", port, f"/v2/{name}/blobs/{digest}", 0))
        status, headers, left = _answer_and_rest(line)
        assert status == 200, status
        left = int(headers["content-length"]) - left
        while left:
            count = line.recv_into(buffer)
            assert count, "cut off"
            left -= count
    return time.perf_counter() - began


def put_manifest(port: int, name: str, tag: str, body: bytes, media_type: str) -> None:
    with _connect(port) as line:
        line.sendall(_head("PUT", port, f"/v2/{name}/manifests/{tag}", len(body), f"Content-Type: {media_type}") + body)
        status, _ = _answer(line)
        assert status == 201, status


def wrk(
    port: int, path: str, *, threads: int, connections: int, seconds: int = 1, accept: str = "*/*"
) -> tuple[float, float]:
    """Requests and bytes per second that wrk sees.

    Raises:
        RuntimeError: not every answer was 200.
    """
    url = f"http://127.0.0.1:{port}{path}"
    argv = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "-H", f"Accept: {accept}", url]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)
    requests = re.search(r"Requests/sec:\s+([\d.]+)", said)
    transfer = re.search(r"Transfer/sec:\s+([\d.]+)([KMG]?B)", said)
    assert requests and transfer, said
    return float(requests[1]), float(transfer[1]) * _UNITS[transfer[2]]


def _connect(port: int) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port))
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def _head(method: str, port: int, target: str, length: int, *fields: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {length}", *fields]
    return "\r\n".join([*lines, "", ""]).encode()


def _answer(line: socket.socket) -> tuple[int, dict[str, str]]:
    status, headers, _ = _answer_and_rest(line)
    return status, headers


def _answer_and_rest(line: socket.socket) -> tuple[int, dict[str, str], int]:
    """Status, headers, and how many bytes of the body came with them."""
    data = b"".join(_until_headers_end(line))
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *fields = head.decode("latin-1").split("\r\n")
    pairs = (field.partition(":") for field in fields)
    return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}, len(rest)


def _until_headers_end(line: socket.socket) -> Iterator[bytes]:
    seen = b""
    while b"\r\n\r\n" not in seen:
        chunk = line.recv(65536)
        assert chunk, "cut off"
        seen = seen[-3:] + chunk
        yield chunk
