"""A registry of one's own, on a free port of loopback, in a process of its own."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

from tests.ports import free_port as free_port
from windlass.registry.server.daemon import probe
from windlass.registry.server.listen import Listen
from windlass.registry.server.names import Digest, digest_of
from windlass.waiting import wait_for


@dataclass
class Server:
    """`request` takes paths or whole addresses; nothing is retried."""

    root: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=60))

    def start(self) -> None:
        argv = [
            sys.executable,
            "-m",
            "windlass.registry.server",
            "--listen",
            f"127.0.0.1:{self.port}",
            "--root",
            str(self.root),
        ]
        with (self.root.parent / "registry.log").open("ab") as log:
            self.process = subprocess.Popen(argv, stderr=log)
        address = Listen("127.0.0.1", self.port)
        wait_for(lambda: probe(address).kind, lambda kind: kind == "windlass", seconds=60, every=0.02)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.pool.clear()
        self.process.send_signal(number)
        return self.process.wait(60)

    def restart(self, number: signal.Signals = signal.SIGKILL) -> None:
        self.end(number)
        self.start()

    def request(self, method: str, path: str, **options: Any) -> urllib3.BaseHTTPResponse:
        return self.pool.request(method, f"http://127.0.0.1:{self.port}{path}", redirect=False, **options)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def push_blob(self, name: str, data: bytes, algorithm: str = "sha256") -> Digest:
        digest = digest_of(data, algorithm)
        answer = self.request("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", body=data)
        assert answer.status == 201, answer.data
        return digest

    def begin(self, name: str) -> str:
        answer = self.request("POST", f"/v2/{name}/blobs/uploads/")
        assert answer.status == 202
        return answer.headers["location"]


def error_code(answer: urllib3.BaseHTTPResponse) -> str:
    return str(answer.json()["errors"][0]["code"])


def content(root: Path) -> list[str]:
    """Names of all stored blobs and unfinished uploads."""
    return sorted(
        file.name for below in ("blobs/sha256", "blobs/sha512", "uploads") for file in (root / below).iterdir()
    )
