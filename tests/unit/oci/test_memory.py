"""Memories, real and fake, keep to one contract; and how the real one asks."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from windlass.errors import CredentialsMissing, RegistryUnavailable
from windlass.model.plan import Input
from windlass.oci import records
from windlass.oci.manifest import Manifest
from windlass.oci.memory import RegistryMemory
from windlass.oci.push import push
from windlass.oci.session import Patience
from windlass.plan.interface import Memory, Remembered
from windlass.testing.contracts.memory import INPUTS, ONE, TWO, Lose, MemoryContract, Publish
from windlass.testing.images import FakeImages, make_image
from windlass.testing.memory import FakeMemory
from windlass.testing.registry import FakeRegistry, refuse, reply

TIME = "2026-01-02T03:04:05.000000+00:00"


class TestFakeMemory(MemoryContract):
    @pytest.fixture
    def images(self) -> FakeImages:
        return FakeImages()

    @pytest.fixture
    def memory(self, images: FakeImages) -> Memory:
        return FakeMemory(images)

    @pytest.fixture
    def publish(self, images: FakeImages) -> Publish:
        def publish(repository: str, name: str) -> str:
            digest = f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"
            images.published.add((repository, digest))
            return digest

        return publish

    @pytest.fixture
    def lose(self, images: FakeImages) -> Lose:
        return lambda repository, digest: images.published.discard((repository, digest))


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def publish(registry: FakeRegistry, tmp_path: Path) -> Publish:
    def publish(repository: str, name: str) -> str:
        image = make_image(tmp_path / "layouts" / name, name=name, layers=1, size=10)
        push(image, registry.client(), repository)
        return image.digest

    return publish


class TestRegistryMemory(MemoryContract):
    @pytest.fixture
    def memory(self, registry: FakeRegistry) -> Memory:
        return RegistryMemory(registry.client(), "team")

    @pytest.fixture
    def lose(self, registry: FakeRegistry) -> Lose:
        def lose(repository: str, digest: str) -> None:
            registry.client().delete_manifest(repository, digest)

        return lose

    @pytest.fixture
    def publish(self, publish: Publish) -> Publish:
        return publish


def test_one_tag_list_answers_for_all(registry: FakeRegistry, publish: Publish) -> None:
    memory = RegistryMemory(registry.client())
    for number in range(3):
        memory.remember(f"app{number}", f"sha256:{number:0>2x}{0:062x}", publish(f"app{number}", "a"), INPUTS, "main")
    registry.requests.clear()
    memory.recall([(f"app{number}", f"sha256:{number:0>2x}{0:062x}") for number in range(50)])
    memory.recall([("app9", f"sha256:{9:0>2x}{0:062x}")], again=True)
    lists = [line for line in registry.lines() if "tags" in line]
    assert lists == ["GET /v2/windlass/fingerprints/tags/list"]
    assert len(registry.requests) == 1 + 3 * 3  # and for each image its index and two platforms


def test_the_list_may_have_pages(registry: FakeRegistry, publish: Publish) -> None:
    registry.page = 2
    memory = RegistryMemory(registry.client())
    digests = {f"sha256:{number:0>2x}{0:062x}": publish("app", str(number)) for number in range(4)}
    for fingerprint, digest in digests.items():
        memory.remember("app", fingerprint, digest, INPUTS, "main")
    assert memory.recall([("app", one) for one in digests]) == {one: Remembered(d) for one, d in digests.items()}


def test_a_record_says_what_it_is_about(registry: FakeRegistry, publish: Publish) -> None:
    digest = publish("app", "a")
    RegistryMemory(registry.client(), "team", now=lambda: TIME).remember("app", ONE, digest, INPUTS, "main")
    tag = records.record_tag(ONE, digest, TIME)
    assert tag.startswith(f"{'1' * 48}-{digest[7:]}-")
    content = registry.client().get_manifest("team/windlass/fingerprints", tag).content
    assert isinstance(content, Manifest)
    assert content.artifact_type == "application/vnd.windlass.fingerprint.v1+json"
    assert dict(content.annotations) == {
        "dev.windlass.repository": "app",
        "dev.windlass.fingerprint": ONE,
        "dev.windlass.digest": digest,
        "dev.windlass.branch": "main",
        "org.opencontainers.image.created": TIME,
    }


def test_of_records_of_the_same_time_the_lowest_digest_wins(registry: FakeRegistry, publish: Publish) -> None:
    memory = RegistryMemory(registry.client(), now=lambda: TIME)
    digests = [publish("app", name) for name in ("a", "b", "c")]
    for digest in digests:
        memory.remember("app", ONE, digest, INPUTS, "main")
    assert memory.recall([("app", ONE)]) == {ONE: Remembered(min(digests))}


def test_the_age_of_an_image_is_in_the_tag_list(registry: FakeRegistry, publish: Publish) -> None:
    times = iter(["2026-01-02T03:04:05.000001+00:00", "2026-03-02T03:04:05+01:00"])
    memory = RegistryMemory(registry.client(), now=lambda: next(times))
    for seconds in (1767323045.000001, 1772417045.0):
        memory.remember("app", ONE, publish("app", "a"), INPUTS, "main")
        found = memory.recall([("app", ONE)])[ONE]
        assert isinstance(found, Remembered)
        assert found.created == seconds


def test_an_image_that_lost_a_platform_is_damaged(registry: FakeRegistry, publish: Publish) -> None:
    memory = RegistryMemory(registry.client())
    digest = publish("app", "a")
    memory.remember("app", ONE, digest, INPUTS, "main")
    child = next(one for one in registry.repositories["app"].manifests if one != digest)
    del registry.repositories["app"].manifests[child]
    answer = memory.recall([("app", ONE)])[ONE]
    assert isinstance(answer, str)
    assert "has lost linux/" in answer


def test_a_damaged_record_explains_nothing_and_stops_nobody(registry: FakeRegistry, publish: Publish) -> None:
    memory = RegistryMemory(registry.client())
    digest = publish("app", "a")
    memory.remember("app", ONE, digest, INPUTS, "main")
    store = registry.repositories["windlass/fingerprints"]
    layer = next(one for one, data in store.blobs.items() if data != b"{}")
    store.blobs[layer] = b"[1]"
    assert memory.last_inputs("app", "main") is None
    del store.blobs[layer]
    assert memory.last_inputs("app", "main") is None
    assert memory.recall([("app", ONE)]) == {ONE: Remembered(digest)}


def test_tags_of_other_shapes_in_the_repository_are_passed_over(registry: FakeRegistry) -> None:
    store = registry.repositories["windlass/fingerprints"]
    store.tags = dict.fromkeys(["latest", "last-" + "0" * 64, "1" * 48, f"{'1' * 48}-{'g' * 64}"], ONE)
    assert RegistryMemory(registry.client()).recall([("app", ONE)]) == {}


def test_a_registry_in_trouble_is_not_an_empty_memory(registry: FakeRegistry) -> None:
    registry.fail(lambda: reply(500), times=99)
    memory = RegistryMemory(registry.client(patience=Patience(total=0)))
    with pytest.raises(RegistryUnavailable):
        memory.recall([("app", ONE)])
    with pytest.raises(RegistryUnavailable):
        memory.tests_passed([ONE])
    with pytest.raises(RegistryUnavailable):
        memory.last_inputs("app", "main")


def test_a_refusal_is_not_an_empty_memory(registry: FakeRegistry) -> None:
    registry.fail(lambda: refuse(403, "DENIED"), times=99)
    with pytest.raises(CredentialsMissing):
        RegistryMemory(registry.client()).recall([("app", ONE)])


def test_what_is_recorded_holds_inputs_in_order(registry: FakeRegistry) -> None:
    inputs = tuple(Input("file", str(number), "100644 " + "a" * 40) for number in range(100))
    assert records.parse_inputs(records.to_inputs(inputs)) == inputs


@pytest.mark.parametrize("body", [b"", b"{}x", b"5", b"[5]", b'[{"kind": "a"}]', b"[" * 10_000])
def test_inputs_that_cannot_be_read_are_none(body: bytes) -> None:
    assert records.parse_inputs(body) is None


def test_what_is_no_fingerprint_is_refused() -> None:
    for text in ("", "sha256:1", "sha512:" + "0" * 128, "x" * 64):
        with pytest.raises(ValueError, match="not a fingerprint"):
            records.hexed(text)


def test_records_of_two_branches_do_not_meet() -> None:
    names = {records.last_tag(repository, branch) for repository in ("a", "ab") for branch in (None, "b", "", "main")}
    assert len(names) == 8
    assert len(records.record_tag(ONE, TWO, "2112-01-02T03:04:05+00:00")) <= 128
