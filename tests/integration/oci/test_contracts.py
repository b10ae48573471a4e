"""The contracts over real registries. They are shared by the tests of this file, so each test has a prefix of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from windlass.model.artifacts import LayoutImage
from windlass.oci.bases import RegistryBaseImages
from windlass.oci.client import RegistryClient
from windlass.oci.images import RegistryImages
from windlass.oci.interface import Images, Progress, Upload
from windlass.oci.memory import RegistryMemory
from windlass.oci.mirrors import Mirrors
from windlass.oci.push import push
from windlass.plan.interface import BaseImages, Memory
from windlass.testing.contracts.bases import BaseImagesContract
from windlass.testing.contracts.images import ImagesContract, TagsOf
from windlass.testing.contracts.memory import Lose, MemoryContract, Publish
from windlass.testing.images import make_image


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """A folder of repositories that no other test of the registry has."""
    return f"t{abs(hash(request.node.nodeid)):x}"


class TestMemory(MemoryContract):
    @pytest.fixture
    def memory(self, client: RegistryClient, prefix: str) -> Memory:
        return _Prefixed(RegistryMemory(client, prefix), prefix)

    @pytest.fixture
    def publish(self, client: RegistryClient, prefix: str, tmp_path: Path) -> Publish:
        def publish(repository: str, name: str) -> str:
            image = make_image(tmp_path / "layouts" / name, name=f"{prefix} {name}", layers=1, size=10)
            push(image, client, f"{prefix}/{repository}")
            return image.digest

        return publish

    @pytest.fixture
    def lose(self, client: RegistryClient, prefix: str) -> Lose:
        def lose(repository: str, digest: str) -> None:
            assert client.delete_manifest(f"{prefix}/{repository}", digest)

        return lose


class TestImages(ImagesContract):
    @pytest.fixture
    def images(self, client: RegistryClient, prefix: str) -> Images:
        return _PrefixedImages(RegistryImages(client), prefix)

    @pytest.fixture
    def tags_of(self, client: RegistryClient, prefix: str) -> TagsOf:
        def tags_of(repository: str) -> dict[str, str]:
            name = f"{prefix}/{repository}"
            if name not in set(client.repositories()):
                return {}
            found = {tag: client.head_manifest(name, tag) for tag in client.tags(name)}
            return {tag: one.digest for tag, one in found.items() if one is not None}

        return tags_of


class TestBaseImages(BaseImagesContract):
    """Docker Hub's images through a mirror, which is the registry under test."""

    @pytest.fixture
    def bases(self, client: RegistryClient, tmp_path: Path) -> BaseImages:
        push(make_image(tmp_path / "base", name="base", layers=1, size=10), client, "library/base", ["1"])
        mirrors = Mirrors({"docker.io": (f"http://{client.host}/",)})
        # Docker Hub itself must not be asked by a test: the mirror stands for it too.
        return RegistryBaseImages(mirrors, connect=lambda host, insecure: client)


class TestBaseImagesOfARegistry(BaseImagesContract):
    @pytest.fixture
    def base(self, client: RegistryClient) -> str:
        return f"{client.host}/team/base:1"

    @pytest.fixture
    def missing(self, client: RegistryClient) -> str:
        return f"{client.host}/team/missing:1"

    @pytest.fixture
    def bases(self, client: RegistryClient, tmp_path: Path) -> BaseImages:
        push(make_image(tmp_path / "base", name="base", layers=1, size=10), client, "team/base", ["1"])
        return RegistryBaseImages(Mirrors())


class _Prefixed:
    """A memory whose repositories stand below a prefix."""

    def __init__(self, memory: RegistryMemory, prefix: str) -> None:
        self._memory = memory
        self._prefix = prefix
        self.tests_passed = memory.tests_passed
        self.remember_tests = memory.remember_tests

    def recall(self, wanted, *, again=False):  # type: ignore[no-untyped-def]
        return self._memory.recall([(f"{self._prefix}/{repository}", one) for repository, one in wanted], again=again)

    def remember(self, repository, *rest):  # type: ignore[no-untyped-def]
        self._memory.remember(f"{self._prefix}/{repository}", *rest)

    def last_inputs(self, repository, branch):  # type: ignore[no-untyped-def]
        return self._memory.last_inputs(f"{self._prefix}/{repository}", branch)


class _PrefixedImages:
    def __init__(self, images: RegistryImages, prefix: str) -> None:
        self._images = images
        self._prefix = prefix

    def push(
        self, image: LayoutImage, repository: str, tags: Sequence[str], progress: Progress | None = None
    ) -> Upload:
        return self._images.push(image, f"{self._prefix}/{repository}", tags, progress)

    def tag(self, repository: str, digest: str, tags: Sequence[str]) -> None:
        self._images.tag(f"{self._prefix}/{repository}", digest, tags)

    def missing(self, images: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        found = self._images.missing([(f"{self._prefix}/{repository}", digest) for repository, digest in images])
        return frozenset((repository.removeprefix(f"{self._prefix}/"), digest) for repository, digest in found)
