from __future__ import annotations

import pytest

from windlass.build.interface import Builder
from windlass.testing.builder import FakeBuilder
from windlass.testing.contracts.builder import BuilderContract


class TestFakeBuilder(BuilderContract):
    @pytest.fixture
    def builder(self) -> Builder:
        return FakeBuilder()
