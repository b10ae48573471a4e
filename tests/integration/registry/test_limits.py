"""How much a client may ask for, and what it is told when that was too much."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.registry.guarded import GuardedServer
from tests.integration.registry.serving import content, error_code, free_port
from windlass.registry.server.names import digest_of


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[GuardedServer]:
    found = GuardedServer(tmp_path / "root", free_port(), options=("--max-blob", "1MB", "--max-uploads", "3"))
    found.start()
    yield found
    found.end()


def sessions(server: GuardedServer) -> list[Path]:
    return list((server.root / "uploads").iterdir())


def test_a_blob_that_is_too_large_leaves_nothing_however_it_arrives(limited: GuardedServer) -> None:
    data = b"x" * 1_000_001
    path = f"/v2/a/blobs/uploads/?digest={digest_of(data)}"
    answer = limited.request("POST", path, body=data)
    assert (answer.status, error_code(answer)) == (413, "SIZE_INVALID")
    answer = limited.request("POST", path, body=iter([data[:600_000], data[600_000:]]))
    assert (answer.status, error_code(answer)) == (413, "SIZE_INVALID")
    where = limited.begin("a")
    assert limited.request("PATCH", where, body=data[:600_000]).status == 202
    assert limited.request("PATCH", where, body=data[600_000:]).status == 413
    assert limited.request("GET", where).status == 404
    assert content(limited.root) == []
    assert limited.push_blob("a", data[:1_000_000])


def test_uploads_beyond_the_limit_wait_and_others_going_on_are_not_hurt(limited: GuardedServer) -> None:
    first, *_ = (limited.begin("a") for _ in range(3))
    answer = limited.request("POST", "/v2/b/blobs/uploads/")
    assert (answer.status, error_code(answer)) == (429, "TOOMANYREQUESTS")
    assert int(answer.headers["retry-after"]) > 0
    answer = limited.request("POST", f"/v2/b/blobs/uploads/?digest={digest_of(b'x')}", body=b"x")
    assert answer.status == 429
    assert limited.request("PUT", f"{first}?digest={digest_of(b'x')}", body=b"x").status == 201
    assert limited.request("POST", "/v2/b/blobs/uploads/").status == 202


def test_a_cancelled_upload_and_a_wrong_one_make_room(limited: GuardedServer) -> None:
    for _ in range(5):
        assert limited.request("DELETE", limited.begin("a")).status == 204
        assert limited.request("PUT", f"{limited.begin('a')}?digest={digest_of(b'y')}", body=b"x").status == 400
    assert sessions(limited) == []


def test_uploads_nobody_goes_on_with_make_room(limited: GuardedServer) -> None:
    where = [limited.begin("a") for _ in range(3)]
    old = time.time() - 3600
    for path in sessions(limited)[:2]:
        os.utime(path, (old, old))
    assert limited.request("POST", "/v2/b/blobs/uploads/").status == 202
    assert sorted(limited.request("GET", each).status for each in where) == [204, 404, 404]


def test_one_repository_cannot_take_all_uploads(tmp_path: Path) -> None:
    server = GuardedServer(tmp_path / "root", free_port())
    server.start()
    try:
        for _ in range(256):
            server.begin("greedy")
        answer = server.request("POST", "/v2/greedy/blobs/uploads/")
        assert (answer.status, error_code(answer)) == (429, "TOOMANYREQUESTS")
        assert server.request("POST", "/v2/modest/blobs/uploads/").status == 202
    finally:
        server.end()


def test_a_manifest_beyond_4_mib_is_refused(limited: GuardedServer) -> None:
    answer = limited.request("PUT", "/v2/a/manifests/1", body=b"{" + b" " * (4 * 1024 * 1024))
    assert (answer.status, error_code(answer)) == (413, "SIZE_INVALID")


def raw(server: GuardedServer, data: bytes) -> bytes:
    with server.connect() as connection:
        try:
            connection.sendall(data)
            return connection.recv(200)
        except (ConnectionResetError, BrokenPipeError):
            return b""


def test_too_many_or_too_large_headers_end_the_connection(limited: GuardedServer) -> None:
    many = b"".join(b"x-%d: 1\r\n" % number for number in range(200))
    assert b" 431 " in raw(limited, b"GET /v2/ HTTP/1.1\r\nhost: x\r\n" + many + b"\r\n")
    large = b"x: " + b"a" * 2_000_000 + b"\r\n"
    assert b" 200 " not in raw(limited, b"GET /v2/ HTTP/1.1\r\nhost: x\r\n" + large + b"\r\n")
    assert limited.request("GET", "/v2/").status == 200


def test_what_is_no_http_does_not_stop_the_server(limited: GuardedServer) -> None:
    for junk in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"GET\r\n\r\n", b"\0" * 1000):
        assert b" 200 " not in raw(limited, junk)
    assert limited.request("GET", "/v2/").status == 200
