"""Reading from and writing to a registry, and what is made of wrong answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from windlass.errors import RegistryUnavailable
from windlass.oci import digest as digests
from windlass.oci.faults import InvalidReference, Malformed, NotFound, Rejected
from windlass.oci.manifest import EMPTY, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, canonical
from windlass.oci.records import EMPTY_BLOB, artifact
from windlass.oci.transport import Answer, TransportFailed
from windlass.testing.registry import FakeRegistry, Request, reply

MISSING = "sha256:" + "0" * 64


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


def _publish(registry: FakeRegistry, repository: str = "app", note: str = "") -> tuple[str, bytes]:
    """A small manifest, tagged `latest`: its digest and bytes."""
    client = registry.client()
    client.upload_bytes(repository, EMPTY, OCI_EMPTY)
    body = artifact("application/x", EMPTY_BLOB, {"note": note})
    return client.put_manifest(repository, "latest", body, OCI_MANIFEST), body


def test_a_manifest_comes_back_byte_for_byte(registry: FakeRegistry) -> None:
    digest, body = _publish(registry)
    client = registry.client()
    for reference in ("latest", digest):
        stored = client.get_manifest("app", reference)
        assert (stored.body, stored.descriptor.digest, stored.descriptor.media_type) == (body, digest, OCI_MANIFEST)
        assert client.head_manifest("app", reference) == stored.descriptor


def test_what_is_not_there_is_none_or_not_found(registry: FakeRegistry) -> None:
    _publish(registry)
    client = registry.client()
    for repository in ("app", "nowhere"):
        assert client.head_manifest(repository, "other") is None
        assert client.head_blob(repository, MISSING) is None
        assert client.delete_manifest(repository, MISSING) is False
        assert client.delete_tag(repository, "other") is False
        assert client.referrers(repository, MISSING) == ()
        with pytest.raises(NotFound):
            client.get_manifest(repository, "other")
        with pytest.raises(NotFound):
            client.read_blob(repository, MISSING, 10)
    with pytest.raises(NotFound):
        list(client.tags("nowhere"))


def test_a_head_without_its_optional_headers_is_made_up_for(registry: FakeRegistry) -> None:
    digest, _ = _publish(registry)
    registry.fail(lambda: reply(200), when="HEAD")
    found = registry.client().head_manifest("app", "latest")
    assert found is not None
    assert found.digest == digest


@pytest.mark.parametrize("method", ["head_manifest", "get_manifest"])
def test_another_manifest_than_the_one_asked_for_is_refused(registry: FakeRegistry, method: str) -> None:
    digest, body = _publish(registry)
    other = artifact("application/x", EMPTY_BLOB, {"note": "other"})
    registry.fail(
        lambda: reply(200, other, content_type=OCI_MANIFEST, docker_content_digest=digests.of(other)), when="manifests"
    )
    with pytest.raises(Malformed):
        getattr(registry.client(), method)("app", digest)
    assert body != other


def test_a_tag_whose_manifest_is_not_what_its_header_says_is_refused(registry: FakeRegistry) -> None:
    digest, body = _publish(registry)
    registry.fail(lambda: reply(200, body + b" ", content_type=OCI_MANIFEST, docker_content_digest=digest), when="GET")
    with pytest.raises(Malformed, match="another digest"):
        registry.client().get_manifest("app", "latest")


def test_a_registry_that_stores_something_else_is_noticed(registry: FakeRegistry) -> None:
    registry.fail(lambda: reply(201, docker_content_digest=MISSING), when="PUT")
    with pytest.raises(Malformed, match="stored another digest"):
        registry.client().put_manifest("app", "latest", b"{}", OCI_MANIFEST)


def test_tags_come_page_by_page(registry: FakeRegistry) -> None:
    _, body = _publish(registry)
    client = registry.client()
    names = {f"main-{number:07x}" for number in range(25)}
    for name in names:
        client.put_manifest("app", name, body, OCI_MANIFEST)
    registry.page = 10
    registry.requests.clear()
    assert set(client.tags("app")) == names | {"latest"}
    assert len(registry.requests) == 3
    registry.requests.clear()
    next(client.tags("app"))
    assert len(registry.requests) == 1


def test_repositories_come_page_by_page(registry: FakeRegistry) -> None:
    for number in range(5):
        _publish(registry, f"team/app{number}")
    registry.page = 2
    assert list(registry.client().repositories()) == [f"team/app{number}" for number in range(5)]


def test_pages_that_go_in_circles_end(registry: FakeRegistry) -> None:
    registry.fail(
        lambda: reply(200, {"tags": ["a"]}, link='</v2/app/tags/list?last=a>; rel="next"'), when="tags", times=99
    )
    with pytest.raises(Malformed, match="circles"):
        list(registry.client().tags("app"))
    assert len(registry.requests) == 2


def test_the_next_page_is_never_on_another_host(registry: FakeRegistry) -> None:
    _publish(registry)
    registry.fail(lambda: reply(200, {"tags": ["a"]}, link='<http://evil.example/v2/app/tags/list?n=1>; rel="next"'))
    registry.requests.clear()
    assert list(registry.client().tags("app")) == ["a", "latest"]
    assert registry.lines() == ["GET /v2/app/tags/list"] * 2


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"tags": 5}', b'{"tags": "all"}'])
def test_a_list_that_is_none_is_refused(registry: FakeRegistry, body: bytes) -> None:
    registry.fail(lambda: reply(200, body))
    with pytest.raises((RegistryUnavailable, Malformed)):
        list(registry.client().tags("app"))


def test_an_empty_list_may_be_null(registry: FakeRegistry) -> None:
    registry.fail(lambda: reply(200, {"name": "app", "tags": None}))
    assert list(registry.client().tags("app")) == []


def test_a_deleted_tag_leaves_its_image_and_other_tags(registry: FakeRegistry) -> None:
    digest, body = _publish(registry)
    client = registry.client()
    client.put_manifest("app", "kept", body, OCI_MANIFEST)
    assert client.delete_tag("app", "latest") is True
    assert list(client.tags("app")) == ["kept"]
    assert client.delete_manifest("app", digest) is True
    assert list(client.tags("app")) == []


def test_a_tag_at_acr_is_deleted_through_its_own_api() -> None:
    registry = FakeRegistry("crank.azurecr.io")
    digest, body = _publish(registry)
    client = registry.client()
    client.put_manifest("app", "kept", body, OCI_MANIFEST)
    assert client.delete_tag("app", "latest") is True
    assert registry.lines()[-1] == "DELETE /acr/v1/app/_tags/latest"
    assert client.head_manifest("app", digest) is not None


def test_referrers_are_listed_and_filtered(registry: FakeRegistry) -> None:
    digest, body = _publish(registry)
    client = registry.client()
    subject = {"mediaType": OCI_MANIFEST, "digest": digest, "size": len(body)}
    for kind in ("application/sbom", "application/scan"):
        document = json.loads(artifact(kind, EMPTY_BLOB, {})) | {"subject": subject}
        data = canonical(document)
        client.put_manifest("app", digests.of(data), data, OCI_MANIFEST)
    assert len(client.referrers("app", digest)) == 2
    assert [one.artifact_type for one in client.referrers("app", digest, "application/sbom")] == ["application/sbom"]


def test_an_older_registrys_referrers_are_found_by_their_tag(registry: FakeRegistry) -> None:
    digest, _ = _publish(registry)
    child: dict[str, Any] = {"mediaType": OCI_MANIFEST, "digest": digest, "size": 1, "artifactType": "application/sbom"}
    body = canonical({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child]})
    client = registry.client()
    client.put_manifest("app", digest.replace(":", "-"), body, OCI_INDEX)
    registry.fail(lambda: reply(404, "404 page not found"), when="referrers")
    assert [one.digest for one in client.referrers("app", digest)] == [digest]


# -- blobs --------------------------------------------------------------------------------------------------------------


def test_a_blob_is_read_and_verified(registry: FakeRegistry) -> None:
    client = registry.client()
    blob = client.upload_bytes("app", b"content", "text/plain")
    assert client.head_blob("app", blob.digest) == 7
    assert b"".join(client.blob("app", blob.digest)) == b"content"


def test_a_blob_with_another_content_is_refused(registry: FakeRegistry) -> None:
    client = registry.client()
    blob = client.upload_bytes("app", b"content", "text/plain")
    registry.repositories["app"].blobs[blob.digest] = b"c0ntent"
    with pytest.raises(Malformed, match="another digest"):
        list(client.blob("app", blob.digest))
    with pytest.raises(Malformed, match="another digest"):
        client.read_blob("app", blob.digest, 10)


def test_a_blob_larger_than_expected_is_not_read_to_its_end(registry: FakeRegistry) -> None:
    client = registry.client()
    blob = client.upload_bytes("app", b"x" * 100, "text/plain")
    with pytest.raises(Malformed, match="larger than 50"):
        client.read_blob("app", blob.digest, 50)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_goes_on_where_it_broke(registry: FakeRegistry, ranges: bool) -> None:
    client = registry.client()
    data = bytes(range(256)) * 40
    blob = client.upload_bytes("app", data, "text/plain")

    def torn(request: Request) -> Answer | None:
        if request.method != "GET" or "blobs" not in request.path:
            return None
        start = int(request.headers.get("range", "bytes=0-")[6:-1]) if ranges else 0
        pieces = [data[at : at + 1000] for at in range(start, len(data), 1000)]

        def chunks() -> Iterator[bytes]:
            yield from pieces[: 3 + 3 * (0 if ranges else len(registry.requests))]
            if len(pieces) > 3:
                raise TransportFailed("the connection broke", passing=True)

        return Answer(206 if start else 200, {}, chunks())

    registry.faults.append(torn)
    registry.requests.clear()
    if ranges:
        assert b"".join(client.blob("app", blob.digest)) == data
        assert [request.headers.get("range") for request in registry.requests[1:3]] == ["bytes=3000-", "bytes=6000-"]
        assert b"".join(client.blob("app", blob.digest, 10_000)) == data[10_000:]
    else:
        with pytest.raises(RegistryUnavailable, match="breaks off"):
            list(client.blob("app", blob.digest))


def test_a_download_that_keeps_breaking_ends(registry: FakeRegistry) -> None:
    client = registry.client()
    blob = client.upload_bytes("app", b"content", "text/plain")

    def torn() -> Answer:
        def chunks() -> Iterator[bytes]:
            yield b"c"
            raise TransportFailed("the connection broke", passing=True)

        return Answer(200, {}, chunks())

    registry.fail(torn, when="GET", times=999)
    with pytest.raises(RegistryUnavailable, match="breaks off"):
        list(client.blob("app", blob.digest))


@pytest.mark.parametrize("name", ["", "UPPER", "../etc", "a//b", "a/../b", "app?x=1", "app tag", "a" * 300])
def test_a_name_cannot_lead_anywhere_else(registry: FakeRegistry, name: str) -> None:
    client = registry.client()
    for call in (
        lambda: client.get_manifest(name, "latest"),
        lambda: client.put_manifest(name, "latest", b"{}", OCI_MANIFEST),
        lambda: client.tags(name),
        lambda: client.head_blob(name, MISSING),
        lambda: client.upload_bytes(name, b"", "text/plain"),
        lambda: client.delete_tag(name, "latest"),
    ):
        with pytest.raises(InvalidReference):
            call()
    assert registry.requests == []


@pytest.mark.parametrize("reference", ["", "a/b", "..", "sha256:abc", "tag?x", "-tag", "x" * 129])
def test_a_reference_is_a_tag_or_a_digest(registry: FakeRegistry, reference: str) -> None:
    with pytest.raises(InvalidReference):
        registry.client().get_manifest("app", reference)
    assert registry.requests == []


def test_deleting_may_be_turned_off_and_is_said_so(registry: FakeRegistry) -> None:
    digest, _ = _publish(registry)
    registry.fail(lambda: reply(405, {"errors": [{"code": "UNSUPPORTED", "message": "not supported"}]}), when="DELETE")
    with pytest.raises(Rejected, match="UNSUPPORTED"):
        registry.client().delete_manifest("app", digest)
