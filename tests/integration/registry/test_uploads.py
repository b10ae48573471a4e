"""Uploads in one piece, in chunks, broken off and gone on with, mounted, cancelled; and on a full disk."""

from __future__ import annotations

import hashlib
import os
import threading

import pytest

from tests.integration.registry.serving import Server, content, error_code
from windlass.registry.server.names import digest_of
from windlass.waiting import wait_for

DATA = hashlib.sha256(b"seed").digest() * 400_000  # 12.8 MB, several batches


def test_chunks_in_order_make_a_blob(server: Server) -> None:
    where, size = server.begin("a"), 5_000_000
    for start in range(0, len(DATA), size):
        chunk = DATA[start : start + size]
        headers = {"content-range": f"{start}-{start + len(chunk) - 1}"}
        answer = server.request("PATCH", where, body=chunk, headers=headers)
        assert (answer.status, answer.headers["range"]) == (202, f"0-{start + len(chunk) - 1}")
        where = answer.headers["location"]
    closed = server.request("PUT", f"{where}?digest={digest_of(DATA)}")
    assert closed.status == 201
    assert server.request("GET", closed.headers["location"]).data == DATA
    assert server.request("GET", where).status == 404


@pytest.mark.parametrize("header", ["1-5", "20-29", "5-0", "x", "0-0-0"])
def test_a_chunk_out_of_order_is_refused_and_says_where_to_go_on(server: Server, header: str) -> None:
    where = server.begin("a")
    assert server.request("PATCH", where, body=b"0123456789").status == 202
    answer = server.request("PATCH", where, body=b"01234", headers={"content-range": header})
    assert (answer.status, answer.headers["range"]) == (416, "0-9")
    closing = server.request(
        "PUT", f"{where}?digest={digest_of(b'x')}", body=b"01234", headers={"content-range": header}
    )
    assert closing.status == 416
    assert server.request("GET", where).headers["range"] == "0-9"


def test_a_chunk_of_another_length_than_its_range_leaves_nothing(server: Server) -> None:
    where = server.begin("a")
    assert server.request("PATCH", where, body=b"01234", headers={"content-range": "0-9"}).status == 400
    parts = (part for part in (b"01234", b"56789", b"more"))
    answer = server.request("PATCH", where, body=parts, headers={"content-range": "0-9"})
    assert (answer.status, error_code(answer)) == (400, "SIZE_INVALID")
    assert server.request("PATCH", where, body=b"0123456789", headers={"content-range": "0-9"}).status == 202
    assert server.request("PUT", f"{where}?digest={digest_of(b'0123456789')}").status == 201


def test_an_upload_with_the_wrong_digest_leaves_nothing(server: Server) -> None:
    where = server.begin("a")
    answer = server.request("PUT", f"{where}?digest={digest_of(b'other')}", body=DATA)
    assert (answer.status, error_code(answer)) == (400, "DIGEST_INVALID")
    answer = server.request("POST", f"/v2/a/blobs/uploads/?digest={digest_of(b'other')}", body=DATA)
    assert (answer.status, error_code(answer)) == (400, "DIGEST_INVALID")
    assert content(server.root) == []


def test_a_digest_that_is_missing_or_malformed_keeps_the_upload(server: Server) -> None:
    where = server.begin("a")
    assert server.request("PATCH", where, body=b"data").status == 202
    for query in ("", "?digest=", "?digest=md5:00", "?digest=sha256:xyz"):
        answer = server.request("PUT", where + query)
        assert (answer.status, error_code(answer)) == (400, "DIGEST_INVALID")
    assert server.request("PUT", f"{where}?digest={digest_of(b'data')}").status == 201


@pytest.mark.parametrize("crash", [False, True])
def test_an_upload_that_was_broken_off_goes_on_from_what_arrived(server: Server, crash: bool) -> None:
    where = server.begin("a")
    with server.connect() as connection:
        head = f"PATCH {where} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(DATA)}\r\n\r\n"
        connection.sendall(head.encode() + DATA[:9_000_000])
        if crash:
            wait_for(lambda: _written(server), lambda size: size > 2_000_000, seconds=60, every=0.01)
            server.restart()
    if not crash:
        wait_for(lambda: _written(server), lambda size: size == 9_000_000, seconds=60, every=0.01)
    answer = server.request("GET", where)
    offset = int(answer.headers["range"].partition("-")[2]) + 1
    assert 2_000_000 < offset <= 9_000_000
    rest = wait_for(
        lambda: (
            server.request(
                "PATCH", where, body=DATA[offset:], headers={"content-range": f"{offset}-{len(DATA) - 1}"}
            ).status
        ),
        lambda status: status != 409,  # the server may need a moment to see that the first connection is gone
        seconds=60,
    )
    assert rest == 202
    assert server.request("PUT", f"{where}?digest={digest_of(DATA)}").status == 201
    assert server.request("GET", f"/v2/a/blobs/{digest_of(DATA)}").data == DATA


def _written(server: Server) -> int:
    return sum(file.stat().st_size for file in (server.root / "uploads").iterdir())


def test_a_push_in_one_request_that_was_broken_off_leaves_nothing(server: Server) -> None:
    with server.connect() as connection:
        head = f"POST /v2/a/blobs/uploads/?digest={digest_of(DATA)} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(DATA)}\r\n\r\n"
        connection.sendall(head.encode() + DATA[:5_000_000])
        wait_for(lambda: _written(server), lambda size: size > 0, seconds=60, every=0.01)
    wait_for(lambda: content(server.root), lambda names: names == [], seconds=60, every=0.02)


def test_the_same_blob_pushed_by_many_at_once_is_stored_once(server: Server) -> None:
    failures: list[object] = []

    def push(name: str) -> None:
        try:
            server.push_blob(name, DATA)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=push, args=(f"r{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert content(server.root) == [digest_of(DATA).partition(":")[2]]
    for number in range(6):
        assert server.request("HEAD", f"/v2/r{number}/blobs/{digest_of(DATA)}").status == 200


def test_a_blob_is_mounted_instead_of_uploaded(server: Server) -> None:
    digest = server.push_blob("a", DATA)
    for name, source in (("b", "&from=a"), ("c", "")):
        answer = server.request("POST", f"/v2/{name}/blobs/uploads/?mount={digest}{source}")
        assert (answer.status, answer.headers["location"]) == (201, f"/v2/{name}/blobs/{digest}")
        assert server.request("GET", f"/v2/{name}/blobs/{digest}").data == DATA
    answer = server.request("POST", f"/v2/d/blobs/uploads/?mount={digest}&from=elsewhere")
    assert answer.status == 202
    assert server.request("GET", f"/v2/d/blobs/{digest}").status == 404


def test_a_cancelled_upload_is_gone(server: Server) -> None:
    where = server.begin("a")
    server.request("PATCH", where, body=b"data")
    assert server.request("DELETE", where).status == 204
    assert server.request("GET", where).status == 404
    assert content(server.root) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system can be mounted by root only")
@pytest.mark.parametrize("chunked", [False, True])
def test_a_full_disk_is_an_error_and_leaves_nothing(small_disk_server: Server, chunked: bool) -> None:
    server = small_disk_server
    body = (DATA[start : start + 100_000] for start in range(0, len(DATA), 100_000)) if chunked else DATA
    answer = server.request("POST", f"/v2/a/blobs/uploads/?digest={digest_of(DATA)}", body=body)
    assert answer.status == 507
    assert "full" in answer.json()["errors"][0]["message"]
    assert content(server.root) == []
    assert server.push_blob("a", b"small") == digest_of(b"small")
