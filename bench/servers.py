# ruff: noqa: T201
"""The registries that are compared, on loopback, with their data on one disk: the embedded one and Debian's docker-registry."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# As Debian's package configures it (/etc/docker/registry/config.yml), without the login.
_DISTRIBUTION = """\
version: 0.1
log: {{fields: {{service: registry}}}}
storage:
  cache: {{blobdescriptor: inmemory}}
  filesystem: {{rootdirectory: {root}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}", headers: {{X-Content-Type-Options: [nosniff]}}}}
health: {{storagedriver: {{enabled: true, interval: 10s, threshold: 3}}}}
"""


def have(*programs: str) -> bool:
    """Say what is missing."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        print(f"not here: {' '.join(missing)}; on Debian: apt-get install {' '.join(missing)}", file=sys.stderr)
    return not missing


@contextmanager
def embedded(folder: Path) -> Iterator[int]:
    """Windlass's own; gives its port."""
    port = _free_port()
    argv = [
        sys.executable,
        "-m",
        "windlass.registry.server",
        "--listen",
        f"127.0.0.1:{port}",
        "--root",
        str(folder / "data"),
    ]
    with _running(argv, folder, port):
        yield port


@contextmanager
def distribution(folder: Path) -> Iterator[int]:
    """docker-registry (CNCF distribution); gives its port."""
    port = _free_port()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.yml"
    config.write_text(_DISTRIBUTION.format(root=folder / "data", port=port))
    with _running(["docker-registry", "serve", str(config)], folder, port):
        yield port


@contextmanager
def _running(argv: list[str], folder: Path, port: int) -> Iterator[None]:
    from windlass.oci.client import RegistryClient

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, env={**os.environ, "OTEL_TRACES_EXPORTER": "none"})
    try:
        RegistryClient(f"127.0.0.1:{port}").ping()  # it waits for a server that comes up
        yield
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
