"""Copying: whole, by digest, with what refers to it, and nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass.errors import RegistryUnavailable
from windlass.model.artifacts import LayoutImage
from windlass.oci import digest as digests
from windlass.oci.client import RegistryClient
from windlass.oci.copy import copy_image
from windlass.oci.faults import InvalidReference, Malformed, NotFound
from windlass.oci.integrity import damage
from windlass.oci.layout import Layout
from windlass.oci.manifest import EMPTY, OCI_EMPTY, OCI_MANIFEST, Descriptor, canonical, to_document
from windlass.oci.push import push
from windlass.oci.referrers import fallback_tag
from windlass.oci.relay import Place
from windlass.oci.session import Patience
from windlass.testing.images import make_image
from windlass.testing.registry import FakeRegistry, refuse, reply

IMPATIENT = Patience(total=0.0, refused=0.0)


@pytest.fixture
def here() -> FakeRegistry:
    return FakeRegistry("here.test")


@pytest.fixture
def there() -> FakeRegistry:
    return FakeRegistry("there.test")


@pytest.fixture
def image(tmp_path: Path) -> LayoutImage:
    return make_image(tmp_path / "layout", layers=1, size=1000)


def place(registry: FakeRegistry, repository: str = "app", patience: Patience | None = None) -> Place:
    return Place(registry.client(patience=patience), repository)


def attach(client: RegistryClient, repository: str, subject: Descriptor, said: bytes) -> Descriptor:
    """Put an artifact into a repository that refers to a manifest."""
    client.upload_bytes(repository, EMPTY, OCI_EMPTY)
    layer = client.upload_bytes(repository, said, "text/plain")
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/vnd.test",
        "config": to_document(client.upload_bytes(repository, EMPTY, OCI_EMPTY)),
        "layers": [to_document(layer)],
        "subject": to_document(subject),
    }
    body = canonical(document)
    digest = client.put_manifest(repository, digests.of(body), body, OCI_MANIFEST)
    return Descriptor(OCI_MANIFEST, digest, len(body), artifact_type="application/vnd.test")


def root_of(image: LayoutImage) -> Descriptor:
    return Layout(image.layout).manifests(image.digest)[-1].descriptor


def test_every_platform_goes_along_and_the_tag_comes_last(
    here: FakeRegistry, there: FakeRegistry, image: LayoutImage
) -> None:
    push(image, here.client(), "app", ["main-abc1234"])
    done = copy_image(place(here), "main-abc1234", place(there, "team/app"), ["main-abc1234", "latest"])
    assert done.digest == image.digest
    assert done.platforms == ("linux/amd64", "linux/arm64")
    assert done.uploaded_bytes == sum(blob.size for blob in Layout(image.layout).blobs(image.digest))
    assert there.repositories["team/app"].tags == {"main-abc1234": image.digest, "latest": image.digest}
    assert damage(there.client(), "team/app", image.digest) is None
    puts = [line for line in there.lines() if line.startswith("PUT")]
    assert [line.rpartition("/")[2] for line in puts[-3:]] == [image.digest, "main-abc1234", "latest"]


def test_within_a_repository_a_copy_is_one_read_and_one_write(here: FakeRegistry, image: LayoutImage) -> None:
    push(image, here.client(), "app", ["main-abc1234"])
    here.requests.clear()
    copy_image(place(here), "main-abc1234", place(here), ["latest"])
    assert here.lines() == ["GET /v2/app/manifests/main-abc1234", "PUT /v2/app/manifests/latest"]
    assert here.repositories["app"].tags["latest"] == image.digest


def test_within_a_registry_blobs_are_mounted(here: FakeRegistry, image: LayoutImage) -> None:
    push(image, here.client(), "app", ["a"])
    done = copy_image(place(here), "a", place(here, "other"), ["a"])
    assert (done.uploaded_bytes, done.mounted) == (0, len(Layout(image.layout).blobs(image.digest)))


def test_a_second_copy_sends_nothing_and_still_moves_the_tag(
    here: FakeRegistry, there: FakeRegistry, image: LayoutImage, tmp_path: Path
) -> None:
    push(image, here.client(), "app", ["latest"])
    copy_image(place(here), "latest", place(there), ["latest"])
    push(make_image(tmp_path / "newer", name="newer"), there.client(), "app", ["latest"])
    there.requests.clear()
    done = copy_image(place(here), "latest", place(there), ["latest"])
    assert (done.uploaded_bytes, done.mounted) == (0, 0)
    assert done.present == len(Layout(image.layout).blobs(image.digest))
    assert [line for line in there.lines() if not line.startswith(("GET", "HEAD"))] == ["PUT /v2/app/manifests/latest"]
    assert there.repositories["app"].tags["latest"] == image.digest


def test_by_digest_alone_no_tag_is_set(here: FakeRegistry, there: FakeRegistry, image: LayoutImage) -> None:
    push(image, here.client(), "app")
    assert copy_image(place(here), image.digest, place(there)).digest == image.digest
    assert there.repositories["app"].tags == {}
    assert image.digest in there.repositories["app"].manifests


def test_a_copy_that_broke_off_goes_on_where_it_was(
    here: FakeRegistry, there: FakeRegistry, image: LayoutImage
) -> None:
    push(image, here.client(), "app", ["a"])
    there.fail(lambda: reply(500), when=f"PUT /v2/app/manifests/{image.digest}", times=99)
    with pytest.raises(RegistryUnavailable):
        copy_image(place(here), "a", place(there, patience=IMPATIENT), ["a"])
    assert not there.repositories["app"].tags
    there.faults.clear()
    done = copy_image(place(here), "a", place(there), ["a"])
    assert done.uploaded_bytes == 0
    assert there.repositories["app"].tags == {"a": image.digest}


def test_an_image_that_lost_a_platform_is_not_copied(
    here: FakeRegistry, there: FakeRegistry, image: LayoutImage
) -> None:
    push(image, here.client(), "app", ["a"])
    child = Layout(image.layout).child(image.digest, "linux/arm64")
    assert child is not None
    del here.repositories["app"].manifests[child.digest]
    with pytest.raises(NotFound):
        copy_image(place(here), "a", place(there), ["a"])
    assert not there.repositories["app"].manifests


def test_a_platform_that_the_target_lost_is_mended(here: FakeRegistry, there: FakeRegistry, image: LayoutImage) -> None:
    push(image, here.client(), "app", ["a"])
    copy_image(place(here), "a", place(there), ["a"])
    child = Layout(image.layout).child(image.digest, "linux/arm64")
    assert child is not None
    del there.repositories["app"].manifests[child.digest]
    copy_image(place(here), "a", place(there), ["a"])
    assert damage(there.client(), "app", image.digest) is None


def test_a_damaged_layer_is_not_passed_on(here: FakeRegistry, there: FakeRegistry, image: LayoutImage) -> None:
    push(image, here.client(), "app", ["a"])
    blobs = here.repositories["app"].blobs
    victim = Layout(image.layout).blobs(image.digest)[-1].digest
    blobs[victim] = blobs[victim][::-1]
    with pytest.raises(Malformed):
        copy_image(place(here), "a", place(there), ["a"])
    assert not there.repositories["app"].manifests


def test_a_bad_tag_is_refused_before_anything_is_asked(
    here: FakeRegistry, there: FakeRegistry, image: LayoutImage
) -> None:
    with pytest.raises(InvalidReference):
        copy_image(place(here), "a", place(there), ["not/a/tag"])
    assert here.requests == there.requests == []


def test_progress_ends_at_all_of_it(here: FakeRegistry, there: FakeRegistry, image: LayoutImage) -> None:
    push(image, here.client(), "app", ["a"])
    told: list[tuple[int, int]] = []
    done = copy_image(place(here), "a", place(there), ["a"], progress=lambda now, whole: told.append((now, whole)))
    assert told[-1] == (done.uploaded_bytes, done.uploaded_bytes)


# -- what refers to it --------------------------------------------------------------------------------------------------


@pytest.fixture
def signed(here: FakeRegistry, image: LayoutImage) -> dict[str, Descriptor]:
    """An image with a signature, an SBOM of one platform, and a signature of that SBOM."""
    client = here.client()
    push(image, client, "app", ["a"])
    platform = Layout(image.layout).child(image.digest, "linux/arm64")
    assert platform is not None
    sbom = attach(client, "app", platform, b"sbom")
    return {
        "signature": attach(client, "app", root_of(image), b"signature"),
        "sbom": sbom,
        "signature of the sbom": attach(client, "app", sbom, b"signature of the sbom"),
    }


def test_what_refers_to_the_image_or_a_platform_goes_along(
    here: FakeRegistry, there: FakeRegistry, image: LayoutImage, signed: dict[str, Descriptor]
) -> None:
    done = copy_image(place(here), "a", place(there), ["a"])
    assert done.referrers == 3
    assert {one.digest for one in signed.values()} <= set(there.repositories["app"].manifests)
    assert [one.digest for one in there.client().referrers("app", image.digest)] == [signed["signature"].digest]
    puts = [line for line in there.lines() if line.startswith("PUT")]
    assert puts[-1] == "PUT /v2/app/manifests/a", "who checks signatures finds them once the tag is there"


def test_they_can_be_left_behind(
    here: FakeRegistry, there: FakeRegistry, image: LayoutImage, signed: dict[str, Descriptor]
) -> None:
    assert copy_image(place(here), "a", place(there), ["a"], referrers=False).referrers == 0
    assert len(there.repositories["app"].manifests) == 3


def test_a_registry_that_keeps_no_list_gets_one_under_a_tag(
    here: FakeRegistry, there: FakeRegistry, image: LayoutImage, signed: dict[str, Descriptor]
) -> None:
    there.fail(lambda: refuse(404, "NOT_FOUND"), when="/referrers/", times=10**6)
    copy_image(place(here), "a", place(there), ["a"])
    copy_image(place(here), "a", place(there), ["a"])
    client = there.client()
    assert fallback_tag(image.digest) in there.repositories["app"].tags
    assert [one.digest for one in client.referrers("app", image.digest)] == [signed["signature"].digest]
    assert [one.digest for one in client.referrers("app", signed["sbom"].digest)] == [
        signed["signature of the sbom"].digest
    ]
    kept = client.referrers("app", image.digest, "application/vnd.test")
    assert len(kept) == 1, "the list says of what type each one is"


def test_a_list_under_a_tag_is_added_to(
    here: FakeRegistry, there: FakeRegistry, image: LayoutImage, signed: dict[str, Descriptor]
) -> None:
    there.fail(lambda: refuse(404, "NOT_FOUND"), when="/referrers/", times=10**6)
    copy_image(place(here), "a", place(there), ["a"])
    late = attach(here.client(), "app", root_of(image), b"a second signature")
    copy_image(place(here), "a", place(there), ["a"])
    found = {one.digest for one in there.client().referrers("app", image.digest)}
    assert found == {signed["signature"].digest, late.digest}


def test_signatures_of_the_older_kind_go_along(
    here: FakeRegistry, there: FakeRegistry, image: LayoutImage, tmp_path: Path
) -> None:
    push(image, here.client(), "app", ["a"])
    name = f"{image.digest.replace(':', '-')}.sig"
    signature = make_image(tmp_path / "signature", name="signature", platforms=["linux/amd64"])
    push(signature, here.client(), "app", [name])
    assert copy_image(place(here), "a", place(there), ["a"]).referrers == 1
    assert there.repositories["app"].tags[name] == signature.digest


def test_a_registry_that_knows_nothing_of_referrers_is_copied_from(
    here: FakeRegistry, there: FakeRegistry, image: LayoutImage
) -> None:
    push(image, here.client(), "app", ["a"])
    here.fail(lambda: refuse(405, "UNSUPPORTED"), when="/referrers/", times=10**6)
    assert copy_image(place(here), "a", place(there), ["a"]).referrers == 0
