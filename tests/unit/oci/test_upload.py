"""One blob on its way, and everything that can happen to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass.errors import RegistryUnavailable
from windlass.oci import digest as digests
from windlass.oci import upload
from windlass.oci.credentials import basic
from windlass.oci.faults import Malformed, Rejected
from windlass.oci.manifest import Descriptor
from windlass.oci.transport import Answer, TransportFailed
from windlass.oci.upload import bytes_source, file_source
from windlass.testing.registry import FakeRegistry, Request, refuse, reply

DATA = bytes(range(256)) * 100
BLOB = Descriptor("application/x", digests.of(DATA), len(DATA))


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


def _send(registry: FakeRegistry, counted: list[int] | None = None, **options: str) -> bool:
    sent = counted.append if counted is not None else None
    return registry.client().upload("app", BLOB, bytes_source(DATA), sent=sent, **options)


def _stored(registry: FakeRegistry) -> bytes | None:
    return registry.repositories["app"].blobs.get(BLOB.digest)


def _methods(registry: FakeRegistry) -> list[str]:
    return [request.method for request in registry.requests]


def _cut(registry: FakeRegistry, method: str, keep: int, times: int = 1) -> None:
    """The connection breaks in the middle of the next requests of a method; the registry keeps `keep` bytes of each."""
    left = [times]

    def fault(request: Request) -> Answer | None:
        if request.method == method and left[0] > 0:
            left[0] -= 1
            registry.keep(request, keep)
            raise TransportFailed("the connection broke: reset by peer", passing=True)
        return None

    registry.faults.append(fault)


def test_a_blob_goes_in_two_requests(registry: FakeRegistry) -> None:
    counted: list[int] = []
    assert _send(registry, counted) is True
    assert _stored(registry) == DATA
    assert _methods(registry) == ["POST", "PUT"]
    assert sum(counted) == len(DATA)


def test_an_empty_blob_can_be_stored(registry: FakeRegistry) -> None:
    client = registry.client()
    blob = client.upload_bytes("app", b"", "text/plain")
    assert client.read_blob("app", blob.digest, 1) == b""


def test_a_broken_upload_goes_on_where_it_broke(registry: FakeRegistry) -> None:
    counted: list[int] = []
    _cut(registry, "PUT", keep=10_000)
    assert _send(registry, counted) is True
    assert _stored(registry) == DATA
    assert _methods(registry) == ["POST", "PUT", "HEAD", "GET", "PATCH", "PUT"]
    patch = registry.requests[4]
    assert patch.headers["content-range"] == f"10000-{len(DATA) - 1}"
    assert len(patch.body) == len(DATA) - 10_000
    assert sum(counted) == len(DATA)


def test_an_upload_waits_while_the_registry_still_reads_from_the_broken_connection(registry: FakeRegistry) -> None:
    _cut(registry, "PUT", keep=10_000)
    registry.fail(lambda: refuse(409, "BLOB_UPLOAD_INVALID"), when="PATCH", times=2)
    assert _send(registry) is True
    assert _stored(registry) == DATA


def test_an_upload_of_which_nothing_was_kept_starts_again(registry: FakeRegistry) -> None:
    _cut(registry, "PUT", keep=0)
    assert _send(registry) is True
    assert _stored(registry) == DATA
    assert _methods(registry) == ["POST", "PUT", "HEAD", "GET", "POST", "PUT"]


def test_an_upload_that_breaks_again_and_again_gets_there_as_long_as_it_moves(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "_PIECE", 1000)
    _cut(registry, "PUT", keep=1000)
    _cut(registry, "PATCH", keep=500, times=20)
    assert _send(registry) is True
    assert _stored(registry) == DATA


def test_an_upload_that_does_not_move_is_given_up(registry: FakeRegistry) -> None:
    counted: list[int] = []
    _cut(registry, "PUT", keep=0, times=999)
    with pytest.raises(RegistryUnavailable, match="reset by peer"):
        _send(registry, counted)
    assert _methods(registry).count("PUT") == 6


def test_a_session_that_ended_is_replaced(registry: FakeRegistry) -> None:
    registry.fail(lambda: refuse(404, "BLOB_UPLOAD_UNKNOWN"), when="PUT")
    assert _send(registry) is True
    assert _stored(registry) == DATA


def test_an_answer_that_was_lost_is_found_out(registry: FakeRegistry) -> None:
    def lost(request: Request) -> Answer | None:
        if request.method == "PUT" and _stored(registry) is None:
            registry.repositories["app"].blobs[BLOB.digest] = request.body
            raise TransportFailed("the connection broke", passing=True)
        return None

    registry.faults.append(lost)
    assert _send(registry) is True
    assert _methods(registry) == ["POST", "PUT", "HEAD"]


def test_a_proxy_that_takes_only_small_requests_gets_small_ones(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "_PIECE", 10_000)
    registry.largest = 10_000
    assert _send(registry) is True
    assert _stored(registry) == DATA
    assert _methods(registry).count("PATCH") == 3


def test_pieces_that_are_still_too_large_are_an_error(registry: FakeRegistry) -> None:
    registry.largest = 10
    with pytest.raises(Rejected) as caught:
        _send(registry)
    assert caught.value.status == 413


def test_a_registry_in_trouble_is_tried_again(registry: FakeRegistry) -> None:
    registry.fail(lambda: reply(503), when="PUT", times=2)
    assert _send(registry) is True
    assert _stored(registry) == DATA


def test_a_resumed_upload_with_a_wrong_result_is_sent_once_more_whole(registry: FakeRegistry) -> None:
    def mangle(request: Request) -> Answer | None:
        if request.method == "PUT" and len(registry.requests) == 2:
            registry._uploads[request.path.rpartition("/")[2]] += b"?" * 10_000
            raise TransportFailed("the connection broke", passing=True)
        return None

    registry.faults.append(mangle)
    assert _send(registry) is True
    assert _stored(registry) == DATA


def test_a_local_copy_with_another_digest_is_told_from_a_broken_registry(registry: FakeRegistry) -> None:
    with pytest.raises(Malformed) as caught:
        registry.client().upload("app", BLOB, bytes_source(DATA[::-1]))
    assert caught.value.remedy is not None
    assert "build the image again" in caught.value.remedy
    assert _methods(registry) == ["POST", "PUT"]


def test_a_local_copy_that_is_too_short_or_gone_is_said_so(registry: FakeRegistry, tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="100 bytes too short"):
        registry.client().upload("app", BLOB, bytes_source(DATA[:-100]))
    with pytest.raises(Malformed) as caught:
        registry.client().upload("app", BLOB, file_source(tmp_path / "gone"))
    assert caught.value.where == str(tmp_path / "gone")


def test_a_file_is_read_from_an_offset(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(DATA)
    assert b"".join(file_source(tmp_path / "blob")(20_000)) == DATA[20_000:]


def test_a_blob_of_another_repository_is_mounted(registry: FakeRegistry) -> None:
    registry.repositories["base"].blobs[BLOB.digest] = DATA
    assert _send(registry, mount_from="base") is False
    assert _stored(registry) == DATA
    assert _methods(registry) == ["POST"]


def test_a_mount_that_fails_becomes_an_upload_without_another_request(registry: FakeRegistry) -> None:
    assert _send(registry, mount_from="nowhere") is True
    assert _methods(registry) == ["POST", "PUT"]


def test_a_registry_that_does_not_say_where_to_upload_is_none(registry: FakeRegistry) -> None:
    registry.fail(lambda: reply(202), when="POST")
    with pytest.raises(RegistryUnavailable, match="does not say where"):
        _send(registry)


def test_credentials_do_not_follow_an_upload_to_another_host() -> None:
    registry = FakeRegistry(login="basic")
    registry.fail(lambda: refuse(401, "UNAUTHORIZED", www_authenticate="Basic"), when="POST")
    registry.fail(lambda: reply(202, location="http://store.example/v2/app/blobs/uploads/x?sig=1"), when="POST")
    registry.fail(lambda: reply(201), when="PUT")
    assert registry.client(basic("user", "password")).upload("app", BLOB, bytes_source(DATA)) is True
    assert "authorization" in registry.requests[1].headers
    assert "authorization" not in registry.requests[2].headers
    assert registry.requests[2].query == {"sig": "1", "digest": BLOB.digest}
