"""What is named by its digest is asked for once; what is kept badly is asked for again."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass.model.artifacts import LayoutImage
from windlass.oci.credentials import Fixed
from windlass.oci.faults import NotFound
from windlass.oci.keeping import KeepingClient
from windlass.oci.layout import Layout
from windlass.oci.push import push
from windlass.testing.images import make_image
from windlass.testing.registry import FakeRegistry


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def image(registry: FakeRegistry, tmp_path: Path) -> LayoutImage:
    image = make_image(tmp_path / "layout")
    push(image, registry.client(), "app", ["latest"])
    registry.requests.clear()
    return image


def client(registry: FakeRegistry, folder: Path) -> KeepingClient:
    return KeepingClient(
        registry.host, folder=folder, insecure=True, credentials=Fixed(), transport=registry, clock=registry.clock
    )


def test_a_digest_is_asked_for_once(registry: FakeRegistry, image: LayoutImage, tmp_path: Path) -> None:
    first = client(registry, tmp_path / "kept").get_manifest("app", image.digest)
    again = client(registry, tmp_path / "kept").get_manifest("app", image.digest)
    assert first == again
    assert len(registry.requests) == 1


def test_a_tag_is_asked_for_every_time(registry: FakeRegistry, image: LayoutImage, tmp_path: Path) -> None:
    looking = client(registry, tmp_path / "kept")
    looking.get_manifest("app", "latest")
    looking.get_manifest("app", "latest")
    looking.get_manifest("app", image.digest)
    assert len(registry.requests) == 2, "and what it led to is known by its digest"


def test_small_blobs_are_kept_too(registry: FakeRegistry, image: LayoutImage, tmp_path: Path) -> None:
    blob = Layout(image.layout).blobs(image.digest)[0]
    looking = client(registry, tmp_path / "kept")
    assert looking.read_blob("app", blob.digest, 10_000) == looking.read_blob("app", blob.digest, 10_000)
    assert len(registry.requests) == 1


@pytest.mark.parametrize("damage", [b"", b"{}", b"\x00" * 100])
def test_what_was_damaged_is_asked_for_again_and_mended(
    registry: FakeRegistry, image: LayoutImage, tmp_path: Path, damage: bytes
) -> None:
    looking = client(registry, tmp_path / "kept")
    whole = looking.get_manifest("app", image.digest)
    for file in (tmp_path / "kept").iterdir():
        file.write_bytes(damage)
    assert looking.get_manifest("app", image.digest) == whole
    assert looking.get_manifest("app", image.digest) == whole
    assert len(registry.requests) == 2


def test_where_nothing_can_be_kept_everything_is_asked_for(
    registry: FakeRegistry, image: LayoutImage, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    looking = client(registry, tmp_path / "file")
    looking.get_manifest("app", image.digest)
    looking.get_manifest("app", image.digest)
    assert len(registry.requests) == 2


def test_what_is_not_there_is_not_kept(registry: FakeRegistry, image: LayoutImage, tmp_path: Path) -> None:
    looking = client(registry, tmp_path / "kept")
    for _ in range(2):
        with pytest.raises(NotFound):
            looking.get_manifest("app", f"sha256:{'0' * 64}")


def test_the_folder_does_not_grow_for_ever(
    registry: FakeRegistry, image: LayoutImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("windlass.oci.keeping._MOST", 2)
    monkeypatch.setattr("windlass.oci.keeping._SPARE", 1)
    looking = client(registry, tmp_path / "kept")
    for one in Layout(image.layout).manifests(image.digest):
        looking.get_manifest("app", one.descriptor.digest)
    looking.tidy()
    assert len(list((tmp_path / "kept").iterdir())) == 1
