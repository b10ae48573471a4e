"""Taking tags and images away, request by request."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass.errors import CredentialsMissing, Refused, RegistryUnavailable
from windlass.model.artifacts import LayoutImage
from windlass.model.secret import Secret
from windlass.oci.credentials import Credential, Fixed
from windlass.oci.integrity import damage
from windlass.oci.layout import Layout
from windlass.oci.push import push
from windlass.registry.manage.withdrawal import Deletion, Withdrawal
from windlass.registry.manage.withdrawing import carry_out, untag
from windlass.testing.images import make_image
from windlass.testing.registry import AZURE_TOKEN, FakeRegistry, refuse


@pytest.fixture
def image(tmp_path: Path) -> LayoutImage:
    return make_image(tmp_path / "layout")


def whole(image: LayoutImage) -> Withdrawal:
    """The withdrawal of an image with its platforms."""
    *children, root = Layout(image.layout).manifests(image.digest)
    platforms = [Deletion(one.descriptor.digest, "platform") for one in children]
    return Withdrawal("app", "a", root.descriptor.digest, (), (Deletion(image.digest, "image"), *platforms), 1)


def writes(registry: FakeRegistry) -> list[str]:
    return [line for line in registry.lines() if not line.startswith(("GET", "HEAD"))]


def test_the_image_goes_before_its_platforms(image: LayoutImage) -> None:
    registry = FakeRegistry()
    push(image, registry.client(), "app", ["a"])
    registry.requests.clear()
    asked = whole(image)
    done = carry_out(registry.client(), asked)
    assert writes(registry) == [f"DELETE /v2/app/manifests/{one.digest}" for one in asked.deletes]
    assert (done.deleted, done.left) == (asked.deletes, ())
    assert registry.repositories["app"].manifests == {}


def test_on_azure_a_tag_is_taken_away_by_azures_own_api(image: LayoutImage) -> None:
    """The standard way would delete the manifest there, with all its tags."""
    registry = FakeRegistry("shop.azurecr.io", login="azure")
    client = registry.client(Fixed(Credential("a test", azure=Secret(AZURE_TOKEN))))
    push(image, client, "app", ["a", "b"])
    registry.requests.clear()
    carry_out(client, Withdrawal("app", "a", image.digest, ("b",), (), 0))
    assert writes(registry) == ["DELETE /acr/v1/app/_tags/a"]
    assert damage(client, "app", image.digest) is None


@pytest.mark.parametrize(("status", "code"), [(405, "UNSUPPORTED"), (400, "DIGEST_INVALID"), (400, "UNSUPPORTED")])
def test_a_registry_that_cannot_take_a_tag_alone_is_left_as_it_was(image: LayoutImage, status: int, code: str) -> None:
    registry = FakeRegistry()
    push(image, registry.client(), "app", ["a", "b"])
    registry.fail(lambda: refuse(status, code), when="DELETE", times=10)
    with pytest.raises(Refused, match="cannot take the tag a away without its image, and b with it") as caught:
        untag(registry.client(), "app", "a", image.digest, ("b",))
    assert "registry rm app@sha256:" in str(caught.value.remedy)
    assert set(registry.repositories["app"].tags) == {"a", "b"}


def test_an_image_that_went_with_its_tag_is_put_back(image: LayoutImage) -> None:
    registry = FakeRegistry()
    push(image, registry.client(), "app", ["a", "b"])

    def greedy() -> None:
        registry.repositories["app"].manifests.pop(image.digest)
        registry.repositories["app"].tags.clear()
        return refuse(404, "MANIFEST_UNKNOWN")  # type: ignore[return-value]

    registry.fail(greedy, when="DELETE")  # type: ignore[arg-type]
    with pytest.raises(RegistryUnavailable, match="put back"):
        untag(registry.client(), "app", "a", image.digest, ("b",))
    assert registry.repositories["app"].tags == {"b": image.digest}
    assert damage(registry.client(), "app", image.digest) is None


def test_a_tag_that_leads_nowhere_is_taken_away(image: LayoutImage) -> None:
    registry = FakeRegistry()
    push(image, registry.client(), "app", ["a"])
    registry.repositories["app"].manifests.clear()
    registry.fail(lambda: refuse(202, ""), when="DELETE")
    untag(registry.client(), "app", "a", image.digest)


def test_nothing_went_where_the_image_could_not(image: LayoutImage) -> None:
    for status, code, error in (
        (405, "UNSUPPORTED", Refused),
        (409, "LOCKED", Refused),
        (403, "DENIED", CredentialsMissing),
    ):
        registry = FakeRegistry()
        push(image, registry.client(), "app", ["a"])
        registry.fail(lambda status=status, code=code: refuse(status, code), when="DELETE", times=10)  # type: ignore[misc]
        with pytest.raises(error):
            carry_out(registry.client(), whole(image))
        assert damage(registry.client(), "app", image.digest) is None


def test_what_was_left_is_told_and_the_rest_goes(image: LayoutImage) -> None:
    registry = FakeRegistry()
    push(image, registry.client(), "app", ["a"])
    asked = whole(image)
    registry.fail(lambda: refuse(403, "DENIED"), when=asked.deletes[1].digest, times=10)
    done = carry_out(registry.client(), asked)
    assert [one.digest for one, _ in done.left] == [asked.deletes[1].digest]
    assert list(registry.repositories["app"].manifests) == [asked.deletes[1].digest]
