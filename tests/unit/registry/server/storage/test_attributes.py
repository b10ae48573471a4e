"""Locks hold against every way to remove or overwrite, and outlive a restart; times tell what came first."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.unit.registry.server.stored import CONFIG, LAYER, image, opened, push_blob, push_image

from windlass.registry.server.names import Digest, digest_of
from windlass.registry.server.problems import Problem
from windlass.registry.server.storage.attributes import LOCKED, REPOSITORY, Attributes, Record, of_manifest, of_tag
from windlass.registry.server.storage.manifests import OCI_INDEX, OCI_MANIFEST
from windlass.registry.server.storage.storage import Storage

OTHER = image(annotations={"a": "b"})


def push_index(storage: Storage, name: str, tag: str, child: Digest, size: int) -> Digest:
    entries = [{"mediaType": OCI_MANIFEST, "digest": child, "size": size}]
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    return storage.put_manifest(name, tag, index, OCI_INDEX)[0]


def lock(storage: Storage, place: str, attributes: Attributes = LOCKED) -> None:
    storage.repository("a").attributes.change(place, attributes)


def refused(work: Callable[[], Any]) -> None:
    with pytest.raises(Problem) as caught:
        work()
    assert (caught.value.status, caught.value.code) == (405, "REGISTRY_DISALLOWED_OPERATION")


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return opened(tmp_path)


@pytest.mark.parametrize("attributes", [LOCKED, Attributes(delete=False), Attributes(write=False)])
def test_a_locked_tag_stays_whoever_wants_it_or_its_manifest_gone(storage: Storage, attributes: Attributes) -> None:
    digest = push_image(storage, "a", "one")
    lock(storage, of_tag("one"), attributes)
    refused(lambda: storage.delete_tag("a", "one"))
    refused(lambda: storage.delete_manifest("a", digest))
    refused(lambda: storage.delete_repository("a"))
    refused(lambda: storage.delete_blob("a", digest_of(LAYER)))
    assert storage.manifest("a", "one").digest == digest
    lock(storage, of_tag("one"), Attributes())
    storage.delete_manifest("a", digest)


def test_a_tag_that_may_not_be_written_is_not_moved_and_neither_are_the_others_of_the_request(storage: Storage) -> None:
    digest = push_image(storage, "a", "one")
    lock(storage, of_tag("one"), Attributes(write=False))
    refused(lambda: storage.put_manifest("a", "one", OTHER, OCI_MANIFEST))
    refused(lambda: storage.put_manifest("a", digest_of(OTHER), OTHER, OCI_MANIFEST, ["two", "one"]))
    assert storage.repository("a").tags() == ["one"]
    assert storage.manifest("a", "one").digest == digest
    storage.put_manifest("a", "one", image(), OCI_MANIFEST)  # what changes nothing is nothing to refuse
    storage.put_manifest("a", "two", OTHER, OCI_MANIFEST)


def test_a_tag_that_may_only_not_be_deleted_moves(storage: Storage) -> None:
    push_image(storage, "a", "one")
    lock(storage, of_tag("one"), Attributes(delete=False))
    storage.put_manifest("a", "one", OTHER, OCI_MANIFEST)
    assert storage.manifest("a", "one").digest == digest_of(OTHER)
    refused(lambda: storage.delete_tag("a", "one"))


def test_a_locked_manifest_keeps_its_blobs_and_loses_only_tags(storage: Storage) -> None:
    digest = push_image(storage, "a", "one")
    lock(storage, of_manifest(digest))
    refused(lambda: storage.delete_manifest("a", digest))
    refused(lambda: storage.delete_blob("a", digest_of(CONFIG)))
    refused(lambda: storage.delete_blob("a", digest_of(LAYER)))
    free = push_blob(storage, "a", b"free")
    storage.delete_blob("a", free)
    storage.delete_tag("a", "one")
    assert storage.manifest("a", digest).data == image()


def test_a_locked_index_keeps_the_manifests_of_its_platforms(storage: Storage) -> None:
    child = push_image(storage, "a", "one")
    push_index(storage, "a", "all", child, len(image()))
    lock(storage, of_tag("all"))
    refused(lambda: storage.delete_manifest("a", child))
    refused(lambda: storage.delete_blob("a", digest_of(LAYER)))
    storage.delete_tag("a", "one")


def test_a_locked_repository_takes_nothing_and_gives_nothing_up(storage: Storage) -> None:
    digest = push_image(storage, "a", "one")
    lock(storage, REPOSITORY)
    refused(lambda: storage.put_manifest("a", "two", image(), OCI_MANIFEST))
    refused(lambda: storage.put_manifest("a", digest_of(OTHER), OTHER, OCI_MANIFEST))
    refused(lambda: storage.delete_tag("a", "one"))
    refused(lambda: storage.delete_manifest("a", digest))
    refused(lambda: storage.delete_blob("a", digest_of(LAYER)))
    refused(lambda: storage.delete_repository("a"))
    assert storage.repository("a").tags() == ["one"]
    push_image(storage, "b", "one")


@pytest.mark.parametrize("place", ["tag", "manifest", "repository"])
def test_what_may_not_be_read_is_not_handed_out(storage: Storage, place: str) -> None:
    digest = push_image(storage, "a", "one")
    where = {"tag": of_tag("one"), "manifest": of_manifest(digest), "repository": REPOSITORY}[place]
    lock(storage, where, Attributes(read=False))
    refused(lambda: storage.manifest("a", "one"))
    if place != "tag":
        refused(lambda: storage.manifest("a", digest))
    if place == "repository":
        refused(lambda: storage.blob_size("a", digest_of(LAYER)))


def test_what_is_not_to_be_listed_can_still_be_pulled(storage: Storage) -> None:
    push_image(storage, "a", "one")
    push_image(storage, "a", "two")
    push_image(storage, "b", "one")
    lock(storage, of_tag("one"), Attributes(list=False))
    assert storage.listed_tags("a") == ["two"]
    lock(storage, REPOSITORY, Attributes(list=False))
    assert storage.listed() == ["b"]
    assert storage.names() == ["a", "b"]
    assert storage.manifest("a", "one")


def test_attributes_and_times_outlive_a_restart(storage: Storage) -> None:
    digest = push_image(storage, "a", "one")
    lock(storage, of_tag("one"), Attributes(delete=False))
    before = storage.repository("a").tag_times()["one"]
    storage.put_manifest("a", "one", OTHER, OCI_MANIFEST)
    again = opened(storage.root)
    found = again.repository("a")
    assert found.attributes.read(of_tag("one")) == Record(Attributes(delete=False), before)
    assert found.tag_times()["one"] > before
    assert found.attributes.read(of_manifest(digest)) == Record()


def test_a_name_used_again_starts_without_the_attributes_it_had(storage: Storage) -> None:
    digest = push_image(storage, "a", "one")
    for place in (of_tag("one"), of_manifest(digest)):
        lock(storage, place, Attributes(read=False, list=False))
    attributes = storage.repository("a").attributes
    storage.delete_manifest("a", digest)
    lock(storage, of_tag("one"))  # as a crash in the middle of the deletion leaves it
    lock(storage, of_manifest(digest))
    push_image(storage, "a", "one")
    assert attributes.read(of_tag("one")) == attributes.read(of_manifest(digest)) == Record()


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'{"delete":1}', b'{"created":"x"}', b"\xff"])
def test_a_damaged_record_counts_as_a_lock(storage: Storage, data: bytes) -> None:
    push_image(storage, "a", "one")
    lock(storage, of_tag("one"))
    (storage.root / "repositories/a/_attributes/tags/one").write_bytes(data)
    refused(lambda: storage.delete_tag("a", "one"))


def test_a_lock_of_something_that_is_gone_holds_nothing(storage: Storage) -> None:
    digest = push_image(storage, "a", "one")
    lock(storage, of_tag("nowhere"))
    lock(storage, of_manifest(digest_of(b"nowhere")))
    storage.delete_manifest("a", digest)


def test_deleting_a_repository_leaves_those_below_its_name(storage: Storage) -> None:
    push_image(storage, "a", "one")
    push_image(storage, "a/b", "one")
    storage.delete_repository("a")
    assert storage.names() == ["a/b"]
    assert not (storage.root / "repositories/a/_tags").exists()
    with pytest.raises(Problem, match="NAME_UNKNOWN"):
        storage.delete_repository("a")
    push_image(storage, "a", "one")
    assert storage.repository("a").tags() == ["one"]


def test_an_interrupted_deletion_of_a_repository_is_finished_or_did_nothing_wrong(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_image(storage, "a", "one")
    real, moved = Path.rename, 0

    def rename(self: Path, target: Path) -> Path:
        nonlocal moved
        moved += 1
        if moved == 2:
            raise OSError("the power is gone")
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        with pytest.raises(OSError, match="power"):
            storage.delete_repository("a")
    again = opened(storage.root)
    assert not (storage.root / "removed").exists()
    assert again.repository("a").tags() == []
    again.delete_repository("a")
    assert again.names() == []


def test_a_repository_keeps_the_time_of_its_first_push(storage: Storage) -> None:
    digest = push_image(storage, "a", "one")
    repository = storage.repository("a")
    created = repository.created()
    assert created is not None
    storage.put_manifest("a", "two", OTHER, OCI_MANIFEST)
    storage.delete_manifest("a", digest)
    assert opened(storage.root).repository("a").created() == created
    assert storage.repository("b").created() is None
    updated = repository.updated()
    assert updated is not None and updated >= created


def test_tags_pushed_one_after_the_other_have_times_in_that_order(storage: Storage) -> None:
    push_image(storage, "a", "0")
    names = [str(number) for number in range(20)]
    storage.put_manifest("a", digest_of(OTHER), OTHER, OCI_MANIFEST, names)
    times = storage.repository("a").tag_times()
    assert sorted(names, key=lambda name: times[name]) == names


def test_a_tag_never_moved_and_never_locked_costs_no_file_of_its_own(storage: Storage) -> None:
    push_image(storage, "a", "one")
    assert not (storage.root / "repositories/a/_attributes").exists()


def test_what_is_protected_follows_a_locked_tag_that_moves(storage: Storage) -> None:
    digest = push_image(storage, "a", "one")
    spare, _ = storage.put_manifest("a", "two", image(annotations={"c": "d"}), OCI_MANIFEST)
    lock(storage, of_tag("one"), Attributes(delete=False))
    refused(lambda: storage.delete_manifest("a", digest))
    storage.delete_manifest("a", spare)
    refused(lambda: storage.delete_manifest("a", digest))
    storage.put_manifest("a", "one", OTHER, OCI_MANIFEST)
    refused(lambda: storage.delete_manifest("a", digest_of(OTHER)))
    storage.delete_manifest("a", digest)
    lock(storage, of_tag("one"), Attributes())
    storage.delete_manifest("a", digest_of(OTHER))


def test_locks_are_read_once_for_many_deletions(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    push_image(storage, "a", "locked")
    lock(storage, of_tag("locked"))
    others = [storage.put_manifest("a", str(n), image(annotations={"n": str(n)}), OCI_MANIFEST)[0] for n in range(5)]
    read: list[Digest] = []
    real = storage.blobs.read

    def noted(digest: Digest) -> bytes | None:
        read.append(digest)
        return real(digest)

    monkeypatch.setattr(storage.blobs, "read", noted)
    for other in others:
        storage.delete_manifest("a", other)
    assert read.count(digest_of(image())) == 1


class Crash(BaseException):
    """The process ends here."""


def test_a_crash_at_any_step_leaves_every_lock_that_was_acknowledged(tmp_path: Path) -> None:
    at, crashed = 0, True
    while crashed:
        at += 1
        storage, done = opened(tmp_path / str(at)), []
        push_image(storage, "a", "one")
        times = storage.repository("a").tag_times()
        with pytest.MonkeyPatch.context() as patch:
            left = at

            def stepped(real: Callable[..., Any]) -> Callable[..., Any]:
                def step(*args: Any, **kwargs: Any) -> Any:
                    nonlocal left
                    left -= 1
                    if left == 0:
                        raise Crash
                    return real(*args, **kwargs)

                return step

            for name in ("fsync", "open", "replace", "unlink", "mkdir", "utime"):
                patch.setattr(os, name, stepped(getattr(os, name)))
            for name in ("replace", "unlink", "mkdir", "rename"):
                patch.setattr(Path, name, stepped(getattr(Path, name)))
            try:
                storage.put_manifest("a", "one", OTHER, OCI_MANIFEST)
                done.append("moved")
                lock(storage, of_tag("one"))
                done.append("locked")
                lock(storage, REPOSITORY, Attributes(list=False))
                storage.put_manifest("a", "two", image(), OCI_MANIFEST)
                storage.delete_tag("a", "two")
                crashed = False
            except Crash:
                pass
        after = opened(storage.root)
        record = after.repository("a").attributes.read(of_tag("one"))
        moved = after.repository("a").resolve("one") == digest_of(OTHER)
        assert moved or not done
        assert record.created == times["one"] or not moved
        assert record.attributes == LOCKED or "locked" not in done
        assert record.attributes in (LOCKED, Attributes())
        with suppress(Problem):
            after.delete_tag("a", "one")
        assert after.repository("a").resolve("one") is None or record.attributes == LOCKED
    assert at > 20
