"""Base images, pinned as the builder would see them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from windlass import process
from windlass.errors import EnvironmentUnusable
from windlass.model.artifacts import LayoutImage
from windlass.oci import mirrors
from windlass.oci.bases import RegistryBaseImages
from windlass.oci.client import RegistryClient
from windlass.oci.copy import tag
from windlass.oci.layout import Layout
from windlass.oci.manifest import OCI_MANIFEST, canonical, to_document
from windlass.oci.mirrors import Mirrors, engine_mirrors, parse_info
from windlass.oci.push import push
from windlass.plan.interface import BaseImages
from windlass.testing.bases import FakeBaseImages
from windlass.testing.contracts.bases import PLATFORMS, BaseImagesContract
from windlass.testing.images import make_image
from windlass.testing.registry import FakeRegistry, refuse

MIRROR = Mirrors({"docker.io": ("http://mirror.test:5055/",)})


class World:
    """A mirror, Docker Hub and another registry, none on a network."""

    def __init__(self) -> None:
        self.registries = {name: FakeRegistry(name) for name in ("mirror.test:5055", "docker.io", "other.test")}
        self.connected: list[tuple[str, bool | None]] = []

    def connect(self, host: str, insecure: bool | None) -> RegistryClient:
        self.connected.append((host, insecure))
        return self.registries[host].client()

    def add(self, host: str, repository: str, tag: str, image: LayoutImage) -> None:
        push(image, self.registries[host].client(), repository, [tag])

    def requests(self) -> int:
        return sum(len(registry.requests) for registry in self.registries.values())


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def image(tmp_path: Path) -> LayoutImage:
    return make_image(tmp_path / "base", name="base", layers=1, size=10)


@pytest.fixture
def bases(world: World) -> RegistryBaseImages:
    return RegistryBaseImages(MIRROR, connect=world.connect)


class TestRegistryBaseImages(BaseImagesContract):
    @pytest.fixture
    def bases(self, bases: RegistryBaseImages, world: World, image: LayoutImage) -> BaseImages:
        world.add("mirror.test:5055", "library/base", "1", image)
        return bases


class TestFakeBaseImages(BaseImagesContract):
    @pytest.fixture
    def bases(self) -> BaseImages:
        fake = FakeBaseImages()
        fake.missing.add("missing:1")
        return fake


def test_the_engines_mirror_is_asked_before_the_registry(
    bases: RegistryBaseImages, world: World, image: LayoutImage, tmp_path: Path
) -> None:
    world.add("mirror.test:5055", "library/base", "1", image)
    world.add("docker.io", "library/base", "1", make_image(tmp_path / "other", name="other"))
    assert bases.resolve("base:1", PLATFORMS).digest == image.digest
    assert world.connected == [("mirror.test:5055", True)]


def test_the_registry_is_asked_where_the_mirror_has_nothing(
    bases: RegistryBaseImages, world: World, image: LayoutImage
) -> None:
    world.add("docker.io", "library/base", "latest", image)
    assert bases.resolve("base", PLATFORMS).digest == image.digest


def test_other_registries_have_no_mirror(bases: RegistryBaseImages, world: World, image: LayoutImage) -> None:
    world.add("other.test", "team/base", "1", image)
    assert bases.resolve("other.test/team/base:1", PLATFORMS).digest == image.digest
    assert world.connected == [("other.test", None)]


def test_a_mirror_below_a_path_is_asked_there(world: World, image: LayoutImage) -> None:
    world.add("other.test", "hub/library/base", "1", image)
    bases = RegistryBaseImages(Mirrors({"docker.io": ("https://other.test/hub/",)}), connect=world.connect)
    assert bases.resolve("base:1", PLATFORMS).digest == image.digest
    assert world.connected == [("other.test", False)]


def test_a_registry_the_engine_calls_insecure_is_spoken_to_so(world: World, image: LayoutImage) -> None:
    world.add("other.test", "base", "1", image)
    bases = RegistryBaseImages(Mirrors(insecure=frozenset({"other.test"})), connect=world.connect)
    bases.resolve("other.test/base:1", PLATFORMS)
    assert world.connected == [("other.test", True)]


def test_an_answer_is_kept(bases: RegistryBaseImages, world: World, image: LayoutImage) -> None:
    world.add("mirror.test:5055", "library/base", "1", image)
    bases.resolve("base:1", PLATFORMS)
    before = world.requests()
    bases.resolve("base:1", PLATFORMS)
    assert world.requests() == before


def test_an_image_with_one_manifest_serves_every_platform_as_it_does_for_buildkit(
    bases: RegistryBaseImages, world: World, image: LayoutImage
) -> None:
    world.add("mirror.test:5055", "library/base", "1", image)
    child = Layout(image.layout).child(image.digest, "linux/arm64")
    assert child is not None
    tag(world.registries["mirror.test:5055"].client(), "library/base", child.digest, ["single"])
    found = bases.resolve("base:single", PLATFORMS)
    assert found.digest == child.digest
    assert dict(found.platforms) == dict.fromkeys(PLATFORMS, child.digest)


def test_triggers_of_a_base_image_are_found(bases: RegistryBaseImages, world: World, tmp_path: Path) -> None:
    triggers = ["COPY . /app", "RUN make /app"]
    image = make_image(tmp_path / "onbuild", config={"OnBuild": triggers})
    world.add("mirror.test:5055", "library/base", "onbuild", image)
    assert bases.resolve("base:onbuild", PLATFORMS).onbuild == tuple(triggers)


def test_triggers_nobody_can_read_are_unknown(bases: RegistryBaseImages, world: World) -> None:
    client = world.registries["other.test"].client()
    config = client.upload_bytes("base", b"not a configuration", "text/plain")
    body = canonical({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": to_document(config), "layers": []})
    client.put_manifest("base", "odd", body, OCI_MANIFEST)
    assert bases.resolve("other.test/base:odd", PLATFORMS).onbuild is None


def test_when_nobody_has_it_every_answer_is_told(bases: RegistryBaseImages, world: World) -> None:
    world.registries["docker.io"].fail(lambda: refuse(429, "TOOMANYREQUESTS", "pull rate limit", retry_after="9999"))
    with pytest.raises(EnvironmentUnusable) as caught:
        bases.resolve("base:1", PLATFORMS)
    text = caught.value.message
    assert "base:1" in text
    assert "mirror http://mirror.test:5055/" in text
    assert "TOOMANYREQUESTS" in text
    assert "local engine" in (caught.value.remedy or "")
    assert caught.value.exit_code == 7


def test_an_engine_that_does_not_answer_is_told_too(world: World) -> None:
    bases = RegistryBaseImages(Mirrors(problem="the engine's mirrors are not known: no engine"), connect=world.connect)
    with pytest.raises(EnvironmentUnusable, match="no engine"):
        bases.resolve("base:1", PLATFORMS)


def test_the_engine_is_asked_once_and_only_when_needed(world: World, image: LayoutImage) -> None:
    asked: list[int] = []

    def ask() -> Mirrors:
        asked.append(1)
        return MIRROR

    world.add("mirror.test:5055", "library/base", "1", image)
    bases = RegistryBaseImages(ask, connect=world.connect)
    bases.resolve("scratch", PLATFORMS)
    assert asked == []
    bases.resolve("base:1", PLATFORMS)
    bases.resolve("base:1", PLATFORMS[:1])
    assert asked == [1]


# -- what the engine says -----------------------------------------------------------------------------------------------


def test_the_engines_configuration_is_read() -> None:
    document = {
        "InsecureRegistryCIDRs": ["127.0.0.0/8"],
        "IndexConfigs": {
            "docker.io": {"Mirrors": ["http://127.0.0.1:5055/", "https://[", 5, "ftp://x/"], "Secure": True},
            "other.test": {"Mirrors": [], "Secure": False},
        },
        "Mirrors": ["http://127.0.0.1:5055/"],
    }
    found = parse_info(json.dumps(document))
    assert found.of("docker.io") == ("http://127.0.0.1:5055/",)
    assert found.insecure == {"other.test"}
    assert not found.problem


@pytest.mark.parametrize(
    "stdout", ["", "null", "[]", "{", '{"IndexConfigs": null, "Mirrors": null}', '{"IndexConfigs": 1}']
)
def test_an_engine_that_tells_nothing_has_no_mirrors(stdout: str) -> None:
    assert parse_info(stdout).of("docker.io") == ()


@pytest.mark.parametrize(
    "answer",
    [
        lambda: process.Completed(("docker",), 1, "", "Cannot connect to the Docker daemon"),
        lambda: _raise(process.ProgramMissing("the program 'docker' was not found")),
    ],
)
def test_without_an_engine_there_are_no_mirrors_and_a_reason(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[], process.Completed]
) -> None:
    monkeypatch.setattr(mirrors, "_SOCKET", "/nowhere/docker.sock")
    monkeypatch.setattr(process, "run", lambda *_, **__: answer())
    assert engine_mirrors().problem


def _raise(error: Exception) -> process.Completed:
    raise error
