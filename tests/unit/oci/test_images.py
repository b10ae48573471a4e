"""Publishers, real and fake, keep to one contract."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from windlass.errors import RegistryUnavailable
from windlass.oci.images import RegistryImages
from windlass.oci.interface import Images
from windlass.testing.contracts.images import ImagesContract, TagsOf
from windlass.testing.images import FakeImages
from windlass.testing.registry import FakeRegistry


class TestRegistryImages(ImagesContract):
    @pytest.fixture
    def registry(self) -> FakeRegistry:
        return FakeRegistry()

    @pytest.fixture
    def images(self, registry: FakeRegistry) -> Images:
        return RegistryImages(registry.client())

    @pytest.fixture
    def tags_of(self, registry: FakeRegistry) -> TagsOf:
        return lambda repository: dict(registry.repositories[repository].tags)


class TestFakeImages(ImagesContract):
    @pytest.fixture
    def fake(self) -> FakeImages:
        return FakeImages()

    @pytest.fixture
    def images(self, fake: FakeImages) -> Images:
        return fake

    @pytest.fixture
    def tags_of(self, fake: FakeImages) -> TagsOf:
        return lambda repository: {tag: digest for (own, tag), digest in fake.tags.items() if own == repository}


@pytest.mark.parametrize("ask", [lambda i: i.missing([("a", "sha256:" + "0" * 64)]), lambda i: i.tag("a", "b", ["c"])])
def test_a_registry_that_cannot_be_made_ready_is_asked_nothing(ask: Callable[[RegistryImages], object]) -> None:
    registry = FakeRegistry()

    def ready() -> None:
        raise RegistryUnavailable("the port is taken")

    with pytest.raises(RegistryUnavailable, match="the port is taken"):
        ask(RegistryImages(registry.client(), ready=ready))
