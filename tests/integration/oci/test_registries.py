"""The client against real registries."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass.oci import digest as digests
from windlass.oci import upload
from windlass.oci.client import RegistryClient
from windlass.oci.copy import copy_between, tag
from windlass.oci.faults import Malformed, NotFound, Rejected
from windlass.oci.integrity import damage
from windlass.oci.layout import Layout
from windlass.oci.manifest import OCI_MANIFEST, Descriptor, canonical, to_document
from windlass.oci.push import push
from windlass.oci.upload import bytes_source
from windlass.testing.images import make_image

MISSING = "sha256:" + "0" * 64


def test_an_image_goes_there_and_comes_back(client: RegistryClient, tmp_path: Path) -> None:
    image = make_image(tmp_path, name="round trip", layers=3, size=2_000_000)
    layout = Layout(tmp_path)
    done = push(image, client, "round/trip", ["main-abc1234", "latest"])
    assert done.uploaded_bytes == sum(blob.size for blob in layout.blobs(image.digest))
    assert set(client.tags("round/trip")) == {"main-abc1234", "latest"}
    assert "round/trip" in set(client.repositories())
    for one in layout.manifests(image.digest):
        assert client.get_manifest("round/trip", one.descriptor.digest).body == one.body
    for blob in layout.blobs(image.digest):
        assert client.head_blob("round/trip", blob.digest) == blob.size
        assert b"".join(client.blob("round/trip", blob.digest)) == layout.blob(blob.digest).read_bytes()
    assert damage(client, "round/trip", image.digest) is None


def test_layers_are_mounted_from_another_repository(client: RegistryClient, tmp_path: Path) -> None:
    image = make_image(tmp_path, name="mounted")
    push(image, client, "mount/origin")
    done = push(image, client, "mount/target", mount_from=["mount/origin"])
    assert (done.uploaded_bytes, done.mounted) == (0, len(Layout(tmp_path).blobs(image.digest)))
    copied = copy_between(client, "mount/origin", image.digest, client, "mount/copy")
    assert copied.uploaded_bytes == 0


def test_tags_move_and_whole_indexes_with_them(client: RegistryClient, tmp_path: Path) -> None:
    first, second = (make_image(tmp_path / name, name=f"moving {name}") for name in ("a", "b"))
    push(first, client, "moving", ["latest"])
    push(second, client, "moving")
    assert tag(client, "moving", second.digest, ["latest", "new"]) == ("latest", "new")
    assert tag(client, "moving", second.digest, ["latest", "new"]) == ()
    assert client.get_manifest("moving", "latest").descriptor.digest == second.digest


def test_what_is_not_there_is_told_from_what_is_broken(client: RegistryClient, tmp_path: Path) -> None:
    push(make_image(tmp_path, name="there"), client, "there")
    for repository in ("there", "nowhere"):
        assert client.head_manifest(repository, "missing") is None
        assert client.head_blob(repository, MISSING) is None
        assert client.referrers(repository, MISSING) == ()
        with pytest.raises(NotFound):
            client.get_manifest(repository, MISSING)
        with pytest.raises(NotFound):
            client.read_blob(repository, MISSING, 10)
    with pytest.raises(NotFound):
        list(client.tags("nowhere"))
    assert client.delete_manifest("there", MISSING) is False


def test_a_deleted_image_is_gone_with_its_tags(client: RegistryClient, tmp_path: Path) -> None:
    image = make_image(tmp_path, name="deleted")
    push(image, client, "deleted", ["a", "b"])
    assert client.delete_manifest("deleted", image.digest) is True
    assert client.head_manifest("deleted", "a") is None
    assert client.head_manifest("deleted", image.digest) is None


def test_a_manifest_whose_blobs_are_missing_is_refused(client: RegistryClient) -> None:
    config = Descriptor("application/vnd.oci.image.config.v1+json", MISSING, 2)
    body = canonical({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": to_document(config), "layers": []})
    with pytest.raises((Rejected, NotFound)):
        client.put_manifest("incomplete", "latest", body, OCI_MANIFEST)


def test_a_blob_with_another_digest_is_refused(client: RegistryClient) -> None:
    blob = Descriptor("application/x", digests.of(b"one"), 3)
    with pytest.raises(Malformed):
        client.upload("wrong", blob, bytes_source(b"two"))
    assert client.head_blob("wrong", blob.digest) is None


def test_a_blob_goes_in_pieces_where_it_must(client: RegistryClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "_PIECE", 100_000)
    data = bytes(range(256)) * 2000
    blob = Descriptor("application/x", digests.of(data), len(data))
    calls: list[int] = []

    def torn(offset: int):  # type: ignore[no-untyped-def]
        """The first try breaks in the middle, on our side: the registry keeps what it got."""
        calls.append(offset)
        if len(calls) == 1:
            yield data[:150_000]
            raise ConnectionResetError("cut by the test")
        yield data[offset:]

    assert client.upload("pieces", blob, torn) is True
    assert client.read_blob("pieces", blob.digest, len(data)) == data
    assert len(calls) > 1


def test_an_empty_blob_can_be_stored(client: RegistryClient) -> None:
    blob = client.upload_bytes("empty", b"", "application/x")
    assert client.read_blob("empty", blob.digest, 1) == b""
