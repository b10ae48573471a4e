"""A lock set through ACR's API holds against the OCI API, and both show the same lists."""

from __future__ import annotations

import json

import pytest

from tests.integration.registry.serving import Server, error_code
from windlass.registry.server.names import Digest, digest_of
from windlass.registry.server.storage.manifests import OCI_MANIFEST

CONFIG, LAYER = b"{}", b"layer"
TYPE = {"content-type": OCI_MANIFEST}


def image(**changes: object) -> bytes:
    parts = [{"mediaType": "x/y", "digest": digest_of(data), "size": len(data)} for data in (CONFIG, LAYER)]
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": parts[0], "layers": parts[1:], **changes}
    return json.dumps(document).encode()


OTHER = image(annotations={"a": "b"})


@pytest.fixture
def digest(server: Server) -> Digest:
    """Of `team/app:v1`."""
    for data in (CONFIG, LAYER):
        server.push_blob("team/app", data)
    assert server.request("PUT", "/v2/team/app/manifests/v1", body=image(), headers=TYPE).status == 201
    return digest_of(image())


def change(server: Server, place: str, **attributes: bool) -> None:
    answer = server.request("PATCH", f"/acr/v1/{place}", body=json.dumps(attributes).encode())
    assert answer.status == 200, answer.data


@pytest.mark.parametrize("place", ["team%2Fapp", "team%2Fapp/_tags/v1"])
def test_a_lock_holds_against_every_request_that_removes_or_overwrites(
    server: Server, digest: Digest, place: str
) -> None:
    change(server, place, writeEnabled=False, deleteEnabled=False)
    for method, path, body in (
        ("DELETE", f"/v2/team/app/manifests/{digest}", None),
        ("DELETE", "/v2/team/app/manifests/v1", None),
        ("DELETE", f"/v2/team/app/blobs/{digest_of(LAYER)}", None),
        ("PUT", "/v2/team/app/manifests/v1", OTHER),
        ("PUT", f"/v2/team/app/manifests/{digest_of(OTHER)}?tag=v1", OTHER),
        ("DELETE", "/acr/v1/team/app/_tags/v1", None),
        ("DELETE", "/acr/v1/team%2Fapp", None),
    ):
        answer = server.request(method, path, body=body, headers=TYPE)
        assert (answer.status, error_code(answer)) == (405, "REGISTRY_DISALLOWED_OPERATION"), path
        assert "is locked" in answer.json()["errors"][0]["message"]
    server.restart()
    assert server.request("DELETE", f"/v2/team/app/manifests/{digest}").status == 405
    assert server.request("GET", "/v2/team/app/manifests/v1").headers["docker-content-digest"] == digest
    assert server.request("PUT", "/v2/team/app/manifests/v1", body=image(), headers=TYPE).status == 201
    change(server, place, writeEnabled=True, deleteEnabled=True)
    assert server.request("DELETE", f"/v2/team/app/manifests/{digest}").status == 202


def test_ready_answers_do_not_outlive_a_change(server: Server, digest: Digest) -> None:
    paths = ["/v2/team/app/manifests/v1", f"/v2/team/app/manifests/{digest}"]
    for path in paths:
        assert server.request("GET", path).status == 200
    change(server, f"team/app/_manifests/{digest}", readEnabled=False)
    for path in paths:
        assert [server.request(method, path).status for method in ("GET", "HEAD")] == [405, 405]
    change(server, f"team/app/_manifests/{digest}", readEnabled=True)
    assert server.request("GET", paths[0]).status == 200
    assert server.request("DELETE", "/acr/v1/team%2Fapp/_tags/v1").status == 202
    assert [server.request("GET", path).status for path in paths] == [404, 200]
    assert server.request("DELETE", "/acr/v1/team%2Fapp").status == 202
    assert [server.request("GET", path).status for path in paths] == [404, 404]
    assert server.request("GET", "/v2/team/app/tags/list").status == 404


def test_what_is_not_to_be_listed_is_in_neither_list(server: Server, digest: Digest) -> None:
    server.request("PUT", f"/v2/team/app/manifests/{digest}?tag=v2", body=image(), headers=TYPE)
    change(server, "team/app/_tags/v1", listEnabled=False)
    assert server.request("GET", "/v2/team/app/tags/list").json()["tags"] == ["v2"]
    assert [tag["name"] for tag in server.request("GET", "/acr/v1/team/app/_tags").json()["tags"]] == ["v2"]
    change(server, "team/app", listEnabled=False)
    assert server.request("GET", "/v2/_catalog").json() == {"repositories": []}
    assert server.request("GET", "/acr/v1/_catalog").json() == {"repositories": []}
    assert server.request("GET", "/v2/team/app/manifests/v1").status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/acr/v1/team%2Fapp/_tags?orderby=newest", 400, "UNSUPPORTED"),
        ("GET", "/acr/v1/team%2Fapp/_tags?n=0", 400, "PAGINATION_NUMBER_INVALID"),
        ("GET", "/acr/v1/team%2Fapp/_tags?n=-5", 400, "PAGINATION_NUMBER_INVALID"),
        ("GET", "/acr/v1/nowhere", 404, "NAME_UNKNOWN"),
        ("GET", "/acr/v1/team", 404, "NAME_UNKNOWN"),
        ("GET", "/acr/v1/team%2Fapp/_tags/v9", 404, "TAG_UNKNOWN"),
        ("GET", "/acr/v1/..%2F..%2Fetc", 400, "NAME_INVALID"),
        ("GET", "/acr/v1/team%2Fapp/_manifests/v1", 400, "DIGEST_INVALID"),
        ("PATCH", "/acr/v1/team%2Fapp", 400, "UNSUPPORTED"),
        ("PUT", "/acr/v1/team%2Fapp", 405, "UNSUPPORTED"),
        ("GET", "/oauth2/token", 405, "UNSUPPORTED"),
        ("GET", "/acr", 404, "UNSUPPORTED"),
    ],
)
def test_what_is_wrong_is_said(server: Server, digest: Digest, method: str, path: str, status: int, code: str) -> None:
    answer = server.request(method, path)
    assert (answer.status, error_code(answer)) == (status, code)
