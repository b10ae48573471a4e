"""A layer of more than 2 GB goes in and out while the server's memory stays flat."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.registry.serving import Server, free_port
from windlass.registry.server.names import digest_of
from windlass.registry.server.storage.manifests import OCI_MANIFEST

BLOCK = bytes(range(256)) * 16384  # 4 MiB
FIRST, REST = 260, 262
SIZE = (FIRST + REST) * len(BLOCK)
LAYER = "sha256:f17059cb308e7f67f7c75d86edf450b3b0d4195dd91855bf39d0038b9bc9c09c"
FLAT = 160 * 1024
"""KiB that the server's memory may grow by, whatever passes through: some batches, buffers and threads."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """In memory where there is room: what is looked at is the server's own memory, and a slow disk says nothing about that."""
    shared = Path("/dev/shm")
    roomy = shared.is_dir() and shutil.disk_usage(shared).free > 3 * SIZE and _available() > 3 * SIZE
    with tempfile.TemporaryDirectory(prefix="windlass-test-large-", dir=shared if roomy else tmp_path) as folder:
        found = Server(Path(folder) / "root", free_port())
        found.start()
        yield found
        found.end()


def _available() -> int:
    """Bytes of memory that may be used."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]) * 1024


def blocks(count: int) -> Iterator[bytes]:
    return (BLOCK for _ in range(count))


def peak(server: Server) -> int:
    """The most memory the server ever had, in KiB."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_layer_beyond_two_gigabytes_in_a_stream_and_in_one_piece(server: Server) -> None:
    assert SIZE > 2**31
    before = peak(server)
    where = server.begin("a")
    started = server.request("PATCH", where, body=blocks(FIRST))  # chunked: the server does not know its length
    assert (started.status, started.headers["upload-offset"]) == (202, str(FIRST * len(BLOCK)))
    closed = server.request(
        "PUT",
        f"{started.headers['location']}?digest={LAYER}",
        body=blocks(REST),
        headers={"content-length": str(REST * len(BLOCK))},
    )
    assert closed.status == 201, closed.data
    assert peak(server) - before < FLAT

    config = server.push_blob("a", b"{}")
    document = {
        "schemaVersion": 2,
        "config": {"mediaType": "c", "digest": config, "size": 2},
        "layers": [{"mediaType": "l", "digest": LAYER, "size": SIZE}],
    }
    data = json.dumps(document).encode()
    assert (
        server.request("PUT", "/v2/a/manifests/large", body=data, headers={"content-type": OCI_MANIFEST}).status == 201
    )

    pulled = server.request("GET", f"/v2/a/blobs/{LAYER}", preload_content=False)
    received = 0
    buffer = bytearray(len(BLOCK))
    while size := pulled.readinto(buffer):
        received += size
    pulled.release_conn()
    assert received == SIZE
    tail = server.request("GET", f"/v2/a/blobs/{LAYER}", headers={"range": f"bytes={2**31}-{2**31 + 255}"})
    assert (tail.status, tail.data) == (206, BLOCK[:256])
    assert peak(server) - before < FLAT
    assert digest_of(data) == server.request("HEAD", "/v2/a/manifests/large").headers["docker-content-digest"]
