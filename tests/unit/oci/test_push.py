"""Publishing: nothing twice, nothing half, tags last."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass.errors import CredentialsMissing, RegistryUnavailable
from windlass.model.artifacts import LayoutImage
from windlass.oci.copy import copy_between, tag
from windlass.oci.faults import InvalidReference, Malformed, NotFound
from windlass.oci.images import RegistryImages
from windlass.oci.integrity import damage
from windlass.oci.layout import Layout
from windlass.oci.push import push
from windlass.oci.session import Patience
from windlass.testing.images import make_image
from windlass.testing.registry import FakeRegistry, refuse, reply

NO_PATIENCE = Patience(total=0.0, refused=0.0)


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def image(tmp_path: Path) -> LayoutImage:
    return make_image(tmp_path / "layout", layers=1, size=1000)


def test_the_index_comes_after_everything_it_names_and_tags_come_last(
    registry: FakeRegistry, image: LayoutImage
) -> None:
    push(image, registry.client(), "app", ["a", "b"])
    puts = [line for line in registry.lines() if line.startswith("PUT")]
    kinds = ["blob" if "blobs" in line else line.rpartition("/")[2] for line in puts]
    last_blob = max(number for number, kind in enumerate(kinds) if kind == "blob")
    children = {one.descriptor.digest for one in Layout(image.layout).manifests(image.digest)[:-1]}
    assert set(kinds[last_blob + 1 : -3]) == children
    assert kinds[-3:] == [image.digest, "a", "b"]


def test_what_a_push_did_is_told(registry: FakeRegistry, image: LayoutImage) -> None:
    blobs = Layout(image.layout).blobs(image.digest)
    client = registry.client()
    first = push(image, client, "app")
    assert first.uploaded_bytes == sum(blob.size for blob in blobs)
    assert (first.digest, first.mounted, first.present) == (image.digest, 0, 0)
    again = push(image, client, "app")
    assert (again.uploaded_bytes, again.mounted, again.present) == (0, 0, len(blobs))
    other = push(image, client, "other", mount_from=["other", "nowhere", "app"])
    assert (other.uploaded_bytes, other.mounted, other.present) == (0, len(blobs), 0)


def test_an_image_that_is_there_costs_one_request_and_one_for_each_new_tag(
    registry: FakeRegistry, image: LayoutImage
) -> None:
    client = registry.client()
    push(image, client, "app", ["a"])
    registry.requests.clear()
    push(image, client, "app")
    assert len(registry.requests) == 1
    registry.requests.clear()
    push(image, client, "app", ["b", "c"])
    assert len(registry.requests) == 3
    assert set(registry.repositories["app"].tags) == {"a", "b", "c"}


def test_only_what_is_missing_is_sent(registry: FakeRegistry, image: LayoutImage, tmp_path: Path) -> None:
    client = registry.client()
    push(image, client, "app")
    other = make_image(tmp_path / "other", name="other", layers=1, size=500)
    done = push(other, client, "app")
    assert done.uploaded_bytes == 2 * 500
    assert done.present == 3  # the shared layer and both configurations


def test_no_tag_is_set_when_a_blob_does_not_get_there(registry: FakeRegistry, image: LayoutImage) -> None:
    registry.fail(lambda: refuse(403, "DENIED"), when="PUT /v2/app/blobs", times=1)
    with pytest.raises(CredentialsMissing):
        push(image, registry.client(), "app", ["a"])
    assert not registry.repositories["app"].tags
    assert not registry.repositories["app"].manifests
    push(image, registry.client(), "app", ["a"])
    assert registry.repositories["app"].tags == {"a": image.digest}


def test_no_tag_is_set_when_the_index_does_not_get_there(registry: FakeRegistry, image: LayoutImage) -> None:
    registry.fail(lambda: reply(500), when=f"PUT /v2/app/manifests/{image.digest}", times=99)
    with pytest.raises(RegistryUnavailable):
        push(image, registry.client(patience=NO_PATIENCE), "app", ["a"])
    assert not registry.repositories["app"].tags


def test_a_bad_tag_is_refused_before_anything_is_sent(registry: FakeRegistry, image: LayoutImage) -> None:
    with pytest.raises(InvalidReference, match="feature/x"):
        push(image, registry.client(), "app", ["good", "feature/x"])
    assert registry.requests == []


def test_a_locked_tag_that_points_there_is_left_alone(registry: FakeRegistry, image: LayoutImage) -> None:
    client = registry.client()
    push(image, client, "app", ["main-abc1234"])
    registry.locked.add(("app", "main-abc1234"))
    push(image, client, "app", ["main-abc1234"])


def test_a_locked_tag_that_points_elsewhere_is_an_error(
    registry: FakeRegistry, image: LayoutImage, tmp_path: Path
) -> None:
    client = registry.client()
    push(make_image(tmp_path / "other", name="other"), client, "app", ["main-abc1234"])
    registry.locked.add(("app", "main-abc1234"))
    with pytest.raises(Exception, match="locked"):
        push(image, client, "app", ["main-abc1234"])


def test_progress_ends_at_the_whole(registry: FakeRegistry, image: LayoutImage) -> None:
    seen: list[tuple[int, int]] = []
    done = push(image, registry.client(), "app", progress=lambda sent, total: seen.append((sent, total)))
    assert seen[-1] == (done.uploaded_bytes, done.uploaded_bytes)
    assert [sent for sent, _ in seen] == sorted(sent for sent, _ in seen)


def test_a_layout_that_lacks_a_blob_is_said_so_and_nothing_is_published(
    registry: FakeRegistry, image: LayoutImage
) -> None:
    layout = Layout(image.layout)
    layout.blob(layout.blobs(image.digest)[-1].digest).unlink()
    with pytest.raises(Malformed) as caught:
        push(image, registry.client(), "app", ["a"])
    assert caught.value.remedy == "build the image again"
    assert not registry.repositories["app"].manifests


def test_a_layer_changed_on_disk_is_not_published(registry: FakeRegistry, image: LayoutImage) -> None:
    layout = Layout(image.layout)
    file = layout.blob(layout.blobs(image.digest)[-1].digest)
    file.write_bytes(file.read_bytes()[::-1])
    with pytest.raises(Malformed):
        push(image, registry.client(), "app", ["a"])
    assert not registry.repositories["app"].manifests


def test_a_single_manifest_can_be_pushed(registry: FakeRegistry, image: LayoutImage) -> None:
    child = Layout(image.layout).child(image.digest, "linux/arm64")
    assert child is not None
    push(LayoutImage(image.layout, child.digest), registry.client(), "app", ["a"])
    assert registry.repositories["app"].tags == {"a": child.digest}


def test_a_mount_that_is_not_allowed_becomes_an_upload(registry: FakeRegistry, image: LayoutImage) -> None:
    client = registry.client()
    push(image, client, "secret")
    registry.fail(lambda: refuse(403, "DENIED"), when="HEAD /v2/secret/", times=99)
    assert push(image, client, "app", mount_from=["secret"]).mounted == 0


# -- tagging and copying ------------------------------------------------------------------------------------------------


def test_a_tag_takes_the_whole_index_along(registry: FakeRegistry, image: LayoutImage) -> None:
    client = registry.client()
    push(image, client, "app")
    assert tag(client, "app", image.digest, ["a", "b", "a"]) == ("a", "b")
    assert client.get_manifest("app", "b").body == Layout(image.layout).read(image.digest).body


def test_tags_that_point_there_already_are_not_written(registry: FakeRegistry, image: LayoutImage) -> None:
    client = registry.client()
    push(image, client, "app", ["a", "b"])
    registry.requests.clear()
    assert tag(client, "app", image.digest, ["a", "b"]) == ()
    assert sorted(registry.lines()) == ["HEAD /v2/app/manifests/a", "HEAD /v2/app/manifests/b"]
    assert tag(client, "app", image.digest, ["a", "c"]) == ("c",)
    assert tag(client, "app", image.digest, []) == ()


def test_an_image_that_is_not_there_cannot_be_tagged(registry: FakeRegistry, image: LayoutImage) -> None:
    client = registry.client()
    with pytest.raises(NotFound):
        tag(client, "app", image.digest, ["a"])


def test_an_image_is_copied_whole_to_another_registry(image: LayoutImage) -> None:
    here, there = FakeRegistry("here.test"), FakeRegistry("there.test")
    push(image, here.client(), "app")
    done = copy_between(here.client(), "app", image.digest, there.client(), "team/app")
    assert done.uploaded_bytes == sum(blob.size for blob in Layout(image.layout).blobs(image.digest))
    assert damage(there.client(), "team/app", image.digest) is None
    there.requests.clear()
    copy_between(here.client(), "app", image.digest, there.client(), "team/app")
    assert len(there.requests) == 1


def test_within_a_registry_a_copy_sends_nothing(registry: FakeRegistry, image: LayoutImage) -> None:
    client = registry.client()
    push(image, client, "app")
    done = copy_between(client, "app", image.digest, client, "copy")
    assert (done.uploaded_bytes, done.mounted) == (0, len(Layout(image.layout).blobs(image.digest)))


def test_a_damaged_blob_is_not_copied(image: LayoutImage) -> None:
    here, there = FakeRegistry("here.test"), FakeRegistry("there.test")
    push(image, here.client(), "app")
    blobs = here.repositories["app"].blobs
    victim = Layout(image.layout).blobs(image.digest)[-1].digest
    blobs[victim] = blobs[victim][::-1]
    with pytest.raises(Malformed):
        copy_between(here.client(), "app", image.digest, there.client(), "app")
    assert not there.repositories["app"].manifests


# -- damaged images -----------------------------------------------------------------------------------------------------


def test_damage_is_named(registry: FakeRegistry, image: LayoutImage) -> None:
    client = registry.client()
    assert "gone" in (damage(client, "app", image.digest) or "")
    push(image, client, "app")
    assert damage(client, "app", image.digest) is None
    manifests = registry.repositories["app"].manifests
    child = Layout(image.layout).child(image.digest, "linux/arm64")
    assert child is not None
    lost = manifests.pop(child.digest)
    assert "has lost linux/arm64" in (damage(client, "app", image.digest) or "")
    manifests[child.digest] = lost
    manifests[image.digest] = (manifests[image.digest][0], b"{}")
    assert "damaged" in (damage(client, "app", image.digest) or "")


def test_publishing_again_repairs_an_image_that_lost_a_platform(registry: FakeRegistry, image: LayoutImage) -> None:
    client = registry.client()
    images = RegistryImages(client)
    images.push(image, "app", ["a"])
    child = Layout(image.layout).child(image.digest, "linux/arm64")
    assert child is not None
    del registry.repositories["app"].manifests[child.digest]
    images.push(image, "app", ["a"])
    assert damage(client, "app", image.digest) is None
