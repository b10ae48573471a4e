"""Microsoft's `azure-containerregistry` works against this registry, unmodified and over TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from azure.containerregistry import ArtifactManifestOrder, ArtifactTagOrder, ContainerRegistryClient

from tests.integration.registry.acr import Credential, TlsServer, push, push_index, refusal
from tests.integration.registry.serving import free_port
from windlass.registry.server.names import digest_of

APP = "team/app"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TlsServer]:
    found = TlsServer(tmp_path / "root", free_port())
    found.start()
    yield found
    found.end()


@pytest.fixture
def client(server: TlsServer) -> Iterator[ContainerRegistryClient]:
    with server.client(Credential("what.azure.gave")) as found:
        yield found


def locked_out(work: Callable[[], object]) -> None:
    error = refusal(work)
    assert error.status_code == 405
    assert "REGISTRY_DISALLOWED_OPERATION" in str(error)


def test_blobs_of_several_chunks_arrive_and_come_back(client: ContainerRegistryClient) -> None:
    data = bytes(range(256)) * 4096 * 9  # 9 MiB; the SDK sends and asks for 4 at a time
    digest, size = client.upload_blob(APP, BytesIO(data))
    assert (digest, size) == (digest_of(data), len(data))
    assert b"".join(client.download_blob(APP, digest)) == data
    client.delete_blob(APP, digest)
    client.delete_blob(APP, digest)
    assert refusal(lambda: client.download_blob(APP, digest)).status_code == 404


def test_manifests_by_tag_and_digest(client: ContainerRegistryClient) -> None:
    tagged, untagged = push(client, APP, "v1", b"one"), push(client, APP, None, b"two")
    assert client.get_manifest(APP, "v1").digest == tagged
    assert client.get_manifest(APP, untagged).digest == untagged
    client.delete_manifest(APP, "v1")
    client.delete_manifest(APP, tagged)
    assert refusal(lambda: client.get_manifest(APP, tagged)).status_code == 404
    assert refusal(lambda: client.get_tag_properties(APP, "v1")).status_code == 404


def test_repositories_are_listed_in_pages(client: ContainerRegistryClient) -> None:
    names = [f"team/app-{number}" for number in range(5)]
    for name in names:
        push(client, name, "v1", b"layer")
    assert list(client.list_repository_names()) == names
    pages = [list(page) for page in client.list_repository_names(results_per_page=2).by_page()]
    assert pages == [names[:2], names[2:4], names[4:]]


def test_tags_come_in_the_order_of_time_also_after_a_restart(
    server: TlsServer, client: ContainerRegistryClient
) -> None:
    for tag in ("b", "a", "c"):
        push(client, APP, tag, tag.encode())
    push(client, APP, "b", b"again")

    def listed(order: ArtifactTagOrder | None) -> list[str]:
        pages = client.list_tag_properties(APP, order_by=order, results_per_page=1).by_page()
        return [tag.name for page in pages for tag in page]

    for _ in range(2):
        assert listed(ArtifactTagOrder.LAST_UPDATED_ON_DESCENDING) == ["b", "c", "a"]
        assert listed(ArtifactTagOrder.LAST_UPDATED_ON_ASCENDING) == ["a", "c", "b"]
        assert listed(ArtifactTagOrder.NONE) == listed(None) == ["a", "b", "c"]
        moved = client.get_tag_properties(APP, "b")
        assert moved.created_on < client.get_tag_properties(APP, "a").created_on < moved.last_updated_on
        server.restart()


def test_what_a_manifest_is_made_of(client: ContainerRegistryClient) -> None:
    amd64, arm64 = push(client, APP, "x", b"one", "amd64"), push(client, APP, None, b"other", "arm64")
    index = push_index(client, APP, "latest", {"amd64": amd64, "arm64": arm64})
    found = client.get_manifest_properties(APP, "x")
    assert (found.digest, found.architecture, found.operating_system, found.tags) == (amd64, "amd64", "linux", ["x"])
    assert found.repository_name == APP
    assert found.size_in_bytes > len(b"one")
    assert found.can_delete and found.can_list and found.can_read and found.can_write
    whole = client.get_manifest_properties(APP, index)
    assert whole.tags == ["latest"]
    assert not whole.architecture
    assert whole.size_in_bytes > found.size_in_bytes
    assert whole.created_on > found.created_on
    listed = list(client.list_manifest_properties(APP, order_by=ArtifactManifestOrder.LAST_UPDATED_ON_DESCENDING))
    assert [each.digest for each in listed] == [index, arm64, amd64]
    assert {each.digest for each in client.list_manifest_properties(APP, results_per_page=1)} == {index, arm64, amd64}


def test_tags_of_one_manifest(client: ContainerRegistryClient) -> None:
    digest = push(client, APP, "a", b"one")
    push(client, APP, "b", b"two")
    push(client, APP, "c", b"one")
    found = client.list_tag_properties(APP, digest=digest, results_per_page=1)
    assert [(tag.name, tag.digest) for tag in found] == [("a", digest), ("c", digest)]


def test_what_a_repository_holds(client: ContainerRegistryClient) -> None:
    push(client, APP, "a", b"one")
    push(client, APP, None, b"two")
    found = client.get_repository_properties(APP)
    assert (found.name, found.manifest_count, found.tag_count) == (APP, 2, 1)
    assert found.created_on < found.last_updated_on
    assert refusal(lambda: client.get_repository_properties("team")).status_code == 404


def test_a_tag_is_locked_and_unlocked(server: TlsServer, client: ContainerRegistryClient) -> None:
    digest = push(client, APP, "v1", b"one")
    locked = client.update_tag_properties(APP, "v1", can_write=False, can_delete=False)
    assert (locked.can_write, locked.can_delete, locked.can_read, locked.can_list) == (False, False, True, True)
    server.restart()
    locked_out(lambda: client.delete_tag(APP, "v1"))
    locked_out(lambda: client.delete_manifest(APP, digest))
    locked_out(lambda: client.delete_repository(APP))
    locked_out(lambda: push(client, APP, "v1", b"two"))
    assert client.get_tag_properties(APP, "v1").digest == digest
    locked.can_write = locked.can_delete = True
    client.update_tag_properties(APP, "v1", locked)
    client.delete_tag(APP, "v1")
    assert client.get_manifest_properties(APP, digest).tags in (None, [])


def test_a_manifest_is_locked_by_a_tag_of_it(client: ContainerRegistryClient) -> None:
    digest = push(client, APP, "v1", b"one")
    client.get_manifest(APP, digest)  # a ready answer must not outlive a change
    changed = client.update_manifest_properties(APP, "v1", can_delete=False, can_read=False, can_list=False)
    assert (changed.can_delete, changed.can_write, changed.can_read, changed.can_list) == (False, True, False, False)
    assert refusal(lambda: client.get_manifest(APP, digest)).status_code == 405
    locked_out(lambda: client.delete_manifest(APP, digest))
    assert list(client.list_manifest_properties(APP)) == []
    client.update_manifest_properties(APP, digest, can_delete=True, can_read=True, can_list=True)
    assert client.get_manifest(APP, digest).digest == digest


def test_a_repository_is_locked_and_hidden(client: ContainerRegistryClient) -> None:
    push(client, APP, "v1", b"one")
    changed = client.update_repository_properties(APP, can_write=False, can_list=False)
    assert (changed.can_write, changed.can_list, changed.can_delete) == (False, False, True)
    assert list(client.list_repository_names()) == []
    locked_out(lambda: push(client, APP, "v2", b"two"))
    client.update_repository_properties(APP, can_write=True)
    push(client, APP, "v2", b"two")


def test_deletions(client: ContainerRegistryClient) -> None:
    digest = push(client, APP, "v1", b"one")
    push(client, APP, "v2", b"one")
    push(client, f"{APP}/below", "v1", b"one")
    client.delete_tag(APP, "v1")
    client.delete_tag(APP, "v1")
    assert [tag.name for tag in client.list_tag_properties(APP)] == ["v2"]
    assert client.get_manifest_properties(APP, digest).tags == ["v2"]
    client.delete_repository(APP)
    client.delete_repository(APP)
    assert list(client.list_repository_names()) == [f"{APP}/below"]
    assert refusal(lambda: client.get_manifest(APP, "v2")).status_code == 404


def test_anonymous_access_to_an_open_registry(server: TlsServer) -> None:
    with server.client() as client:
        digest = push(client, APP, "v1", b"one")
        assert list(client.list_repository_names()) == [APP]
        assert client.get_tag_properties(APP, "v1").digest == digest
