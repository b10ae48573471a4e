from __future__ import annotations

from collections.abc import Iterable

import pytest

from windlass.dev.images import resolve
from windlass.errors import RegistryUnavailable, UsageError
from windlass.model.project import RegistrySpec, Service
from windlass.oci.manifest import Descriptor

REGISTRY = RegistrySpec("registry.example:5077", prefix="team")
API, WEB = Service("api", "shop-api"), Service("web", "web")
DIGEST = "sha256:" + "a" * 64


class Shelf:
    """A registry that holds some tags. `down` is what it raises instead of an answer."""

    def __init__(self, held: dict[str, tuple[str, ...]], down: Exception | None = None) -> None:
        self.held, self.down = held, down

    def head_manifest(self, repository: str, reference: str) -> Descriptor | None:
        if self.down is not None:
            raise self.down
        there = reference in self.held.get(repository, ())
        return Descriptor("application/vnd.oci.image.index.v1+json", DIGEST, 1) if there else None

    def tags(self, repository: str) -> Iterable[str]:
        return iter(self.held.get(repository, ()))


def test_images_are_named_by_digest_and_those_that_are_not_there_are_missing() -> None:
    found = resolve([API, WEB], REGISTRY, Shelf({"team/shop-api": ("latest",)}), None)
    assert found.images["api"].reference == f"registry.example:5077/team/shop-api@{DIGEST}"
    assert found.images["api"].origin == "registry"
    assert found.missing == ("web",)


def test_a_named_release_is_never_mixed_with_anything_else() -> None:
    shelf = Shelf({"team/shop-api": ("main-abc1234", "latest"), "team/web": ("main-abc1233", "latest")})
    with pytest.raises(UsageError) as caught:
        resolve([API, WEB], REGISTRY, shelf, "main-abc1234")
    assert "main-abc1234 of web" in caught.value.message
    assert caught.value.remedy is not None and "main-abc1233" in caught.value.remedy


def test_a_registry_that_does_not_answer_is_no_obstacle_unless_a_release_was_asked_for() -> None:
    shelf = Shelf({}, RegistryUnavailable("nothing answers"))
    found = resolve([API], REGISTRY, shelf, None)
    assert (found.missing, found.silent) == (("api",), "nothing answers")
    with pytest.raises(RegistryUnavailable):
        resolve([API], REGISTRY, shelf, "main-abc1234")
