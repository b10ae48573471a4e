"""Blobs, manifests, tags, referrers and deletions over real HTTP, and what survives a restart."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
import urllib3

from tests.integration.registry.serving import Server, content, error_code
from windlass.registry.server.names import digest_of
from windlass.registry.server.storage.manifests import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    MANIFEST_LIMIT,
    OCI_INDEX,
    OCI_MANIFEST,
)

LAYER = bytes(range(256)) * 40


def image(server: Server, name: str, media_type: str = OCI_MANIFEST, **changes: Any) -> bytes:
    config, layer = server.push_blob(name, b"{}"), server.push_blob(name, LAYER)
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": len(LAYER)}],
            **changes,
        }
    ).encode()


def put(server: Server, name: str, reference: str, data: bytes, media_type: str) -> urllib3.BaseHTTPResponse:
    headers = {"content-type": media_type}
    return server.request("PUT", f"/v2/{name}/manifests/{reference}", body=data, headers=headers)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_pushed_blob_comes_back_whole_and_in_parts(server: Server, algorithm: str) -> None:
    digest = server.push_blob("a/b", LAYER, algorithm)
    whole = server.request("GET", f"/v2/a/b/blobs/{digest}")
    assert (whole.status, whole.data) == (200, LAYER)
    assert whole.headers["docker-content-digest"] == digest
    head = server.request("HEAD", f"/v2/a/b/blobs/{digest}")
    assert (head.status, head.data, head.headers["content-length"]) == (200, b"", str(len(LAYER)))
    part = server.request("GET", f"/v2/a/b/blobs/{digest}", headers={"range": "bytes=100-199"})
    assert (part.status, part.data) == (206, LAYER[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(LAYER)}"
    tail = server.request("GET", f"/v2/a/b/blobs/{digest}", headers={"range": "bytes=-5"})
    assert (tail.status, tail.data) == (206, LAYER[-5:])
    beyond = server.request("GET", f"/v2/a/b/blobs/{digest}", headers={"range": f"bytes={len(LAYER)}-"})
    assert (beyond.status, beyond.headers["content-range"]) == (416, f"bytes */{len(LAYER)}")


def test_an_empty_blob_is_a_blob(server: Server) -> None:
    digest = server.push_blob("a", b"")
    answer = server.request("GET", f"/v2/a/blobs/{digest}")
    assert (answer.status, answer.data, answer.headers["content-length"]) == (200, b"", "0")


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_an_image_is_pulled_exactly_as_it_was_pushed_also_after_a_crash(server: Server, media_type: str) -> None:
    data = image(server, "a/b", media_type)
    pushed = put(server, "a/b", "latest", data, media_type)
    assert (pushed.status, pushed.headers["docker-content-digest"]) == (201, digest_of(data))
    for again in (False, True):
        if again:
            server.restart()
        for reference in ("latest", digest_of(data)):
            answer = server.request("GET", f"/v2/a/b/manifests/{reference}")
            assert (answer.status, answer.data) == (200, data)
            assert answer.headers["content-type"] == media_type
            assert answer.headers["docker-content-digest"] == digest_of(data)
        head = server.request("HEAD", "/v2/a/b/manifests/latest")
        assert (head.status, head.headers["content-length"]) == (200, str(len(data)))
        assert server.request("GET", "/v2/_catalog").json() == {"repositories": ["a/b"]}


@pytest.mark.parametrize(("child_type", "index_type"), [(OCI_MANIFEST, OCI_INDEX), (DOCKER_MANIFEST, DOCKER_LIST)])
def test_an_index_needs_its_children_here(server: Server, child_type: str, index_type: str) -> None:
    child = image(server, "a", child_type)
    entry = {"mediaType": child_type, "digest": digest_of(child), "size": len(child)}
    index = json.dumps({"schemaVersion": 2, "mediaType": index_type, "manifests": [entry]}).encode()
    early = put(server, "a", "multi", index, index_type)
    assert (early.status, error_code(early)) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert put(server, "a", digest_of(child), child, child_type).status == 201
    assert put(server, "a", "multi", index, index_type).status == 201


def test_moving_a_tag_is_seen_at_once(server: Server) -> None:
    for number in range(3):
        data = image(server, "a", annotations={"number": str(number)})
        assert put(server, "a", "latest", data, OCI_MANIFEST).status == 201
        assert server.request("GET", "/v2/a/manifests/latest").data == data
        assert server.request("HEAD", "/v2/a/manifests/latest").headers["docker-content-digest"] == digest_of(data)


def test_several_tags_are_set_with_one_push_by_digest(server: Server) -> None:
    data = image(server, "a")
    answer = put(server, "a", f"{digest_of(data)}?tag=1&tag=1.2", data, OCI_MANIFEST)
    assert (answer.status, answer.headers["oci-tag"]) == (201, "1, 1.2")
    assert server.request("GET", "/v2/a/tags/list").json() == {"name": "a", "tags": ["1", "1.2"]}


def test_tags_and_catalog_are_paged_by_links(server: Server) -> None:
    data = image(server, "a")
    wanted = [f"t{number:02}" for number in range(7)]
    put(server, "a", f"{digest_of(data)}?{'&'.join(f'tag={tag}' for tag in wanted)}", data, OCI_MANIFEST)
    assert _pages(server, "/v2/a/tags/list?n=3", "tags") == [wanted[:3], wanted[3:6], wanted[6:]]
    for name in ("b", "c/d"):
        put(server, name, "x", image(server, name), OCI_MANIFEST)
    assert _pages(server, "/v2/_catalog?n=2", "repositories") == [["a", "b"], ["c/d"]]


def _pages(server: Server, path: str | None, key: str) -> list[list[str]]:
    pages = []
    while path:
        answer = server.request("GET", path)
        pages.append(answer.json()[key])
        link = answer.headers.get("link")
        path = link.partition(">")[0].removeprefix("<") if link else None
    return pages


def test_referrers_are_listed_filtered_paged_and_survive_a_crash(server: Server) -> None:
    subject = digest_of(b"a subject that was never pushed")
    entry = {"mediaType": OCI_MANIFEST, "digest": subject, "size": 5}
    kinds = ["application/sbom", "application/signature", "application/sbom"]
    for number, kind in enumerate(kinds):
        data = image(server, "a", subject=entry, artifactType=kind, annotations={"n": str(number)})
        answer = put(server, "a", digest_of(data), data, OCI_MANIFEST)
        assert (answer.status, answer.headers["oci-subject"]) == (201, subject)
    server.restart()
    path = f"/v2/a/referrers/{subject}"
    everything = server.request("GET", path)
    assert everything.headers["content-type"] == OCI_INDEX
    assert sorted(each["artifactType"] for each in everything.json()["manifests"]) == sorted(kinds)
    some = server.request("GET", f"{path}?artifactType=application/sbom")
    assert some.headers["oci-filters-applied"] == "artifactType"
    assert sorted(each["annotations"]["n"] for each in some.json()["manifests"]) == ["0", "2"]
    pages = _pages(server, f"{path}?artifactType=application/sbom&n=1", "manifests")
    assert [len(each) for each in pages] == [1, 1]
    assert server.request("GET", f"/v2/never/referrers/{subject}").json()["manifests"] == []
    assert server.request("GET", "/v2/a/referrers/sha256:short").status == 400


def test_deleted_things_are_gone_at_once_and_stay_gone(server: Server) -> None:
    data = image(server, "a")
    put(server, "a", f"{digest_of(data)}?tag=one&tag=two", data, OCI_MANIFEST)
    assert server.request("GET", "/v2/a/manifests/one").status == 200
    assert server.request("DELETE", "/v2/a/manifests/one").status == 202
    assert server.request("GET", "/v2/a/manifests/one").status == 404
    assert server.request("GET", "/v2/a/manifests/two").status == 200
    assert server.request("DELETE", f"/v2/a/manifests/{digest_of(data)}").status == 202
    assert server.request("DELETE", f"/v2/a/blobs/{digest_of(LAYER)}").status == 202
    for _ in range(2):
        for path in ("manifests/two", f"manifests/{digest_of(data)}", f"blobs/{digest_of(LAYER)}"):
            answer = server.request("GET", f"/v2/a/{path}")
            assert (answer.status, error_code(answer)[-8:]) == (404, "_UNKNOWN")
            assert server.request("DELETE", f"/v2/a/{path}").status == 404
        server.restart()


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v2/Upper/tags/list", 400, "NAME_INVALID"),
        ("GET", "/v2/a%00/tags/list", 400, "NAME_INVALID"),
        ("GET", "/v2/%2e%2e/manifests/x", 400, "NAME_INVALID"),
        ("PUT", "/v2/a/..%2f..%2fx/manifests/x", 400, "NAME_INVALID"),
        ("PUT", "/v2/a/manifests/-x", 400, "MANIFEST_INVALID"),
        ("PUT", "/v2/a/manifests/sha256:xyz", 400, "DIGEST_INVALID"),
        ("PUT", "/v2/a/manifests/x?tag=y", 400, "MANIFEST_INVALID"),
        ("GET", "/v2/nothing/tags/list", 404, "NAME_UNKNOWN"),
        ("GET", "/v2/nothing/manifests/x", 404, "MANIFEST_UNKNOWN"),
        ("GET", "/v2/a/blobs/sha256:..%2f..", 404, "NAME_UNKNOWN"),
        ("GET", "/v2/a/blobs/sha256:..", 400, "DIGEST_INVALID"),
        ("GET", f"/v2/a/blobs/{digest_of(b'nothing')}", 404, "BLOB_UNKNOWN"),
        ("GET", "/v2/a/blobs/uploads/..", 404, "BLOB_UPLOAD_UNKNOWN"),
        ("POST", "/v2/a/blobs/uploads/?digest=x", 400, "DIGEST_INVALID"),
        ("POST", "/v2/a/blobs/uploads/?digest-algorithm=md5", 400, "DIGEST_INVALID"),
        ("POST", f"/v2/a/blobs/uploads/?mount={digest_of(b'x')}&from=../b", 400, "NAME_INVALID"),
        ("GET", "/v2/_catalog?n=x", 400, "UNSUPPORTED"),
        ("POST", "/v2/_catalog", 405, "UNSUPPORTED"),
        ("PATCH", "/v2/", 405, "UNSUPPORTED"),
    ],
)
def test_a_wrong_request_gets_the_specifications_answer(
    server: Server, method: str, path: str, status: int, code: str
) -> None:
    with server.connect() as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        head, _, body = _everything(connection).partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert json.loads(body)["errors"][0]["code"] == code
    assert content(server.root) == []


def _everything(connection: socket.socket) -> bytes:
    data = b""
    while more := connection.recv(65536):
        data += more
    return data


def test_a_manifest_over_the_limit_is_refused_and_one_at_it_is_not(server: Server) -> None:
    data = image(server, "a", annotations={"fill": ""})
    full = data.replace(b'"fill": ""', b'"fill": "' + b"x" * (MANIFEST_LIMIT - len(data)) + b'"')
    assert len(full) == MANIFEST_LIMIT
    assert put(server, "a", "full", full, OCI_MANIFEST).status == 201
    over = put(server, "a", "over", full.replace(b'"fill"', b'"fill2"'), OCI_MANIFEST)
    assert (over.status, error_code(over)) == (413, "SIZE_INVALID")
    headers = {"content-type": OCI_MANIFEST}
    parts = (full + b" " for _ in range(1))
    answer = server.request("PUT", "/v2/a/manifests/over", body=parts, headers=headers)
    assert (answer.status, error_code(answer)) == (413, "SIZE_INVALID")
    assert server.request("GET", "/v2/a/manifests/over").status == 404


def test_what_is_not_a_manifest_is_refused_and_not_stored(server: Server) -> None:
    for data in (b"", b"text", b"[" * 100_000, b'{"schemaVersion":2}'):
        answer = put(server, "a", "x", data, OCI_MANIFEST)
        assert (answer.status, error_code(answer)) == (400, "MANIFEST_INVALID")
    assert content(server.root) == []
