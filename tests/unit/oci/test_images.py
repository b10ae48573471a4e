"""Publishers, real and fake, keep to one contract."""

from __future__ import annotations

import pytest

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
