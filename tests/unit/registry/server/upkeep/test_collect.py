"""What a collection takes, what it leaves, and that no push ever loses to it, however the two meet."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.registry.server.stored import CONFIG, LAYER, age, image, opened, push_blob, push_image

from windlass.registry.server.names import Digest, digest_of
from windlass.registry.server.problems import Problem
from windlass.registry.server.storage import blobs, repositories, storage
from windlass.registry.server.storage.blobs import CollectionUnderWay
from windlass.registry.server.storage.manifests import OCI_INDEX, OCI_MANIFEST
from windlass.registry.server.storage.storage import Storage
from windlass.registry.server.storage.uploads import SESSION_LIFETIME
from windlass.registry.server.upkeep import collect
from windlass.registry.server.upkeep.collect import GRACE, Collected, Tally
from windlass.registry.server.upkeep.collect import collect as run_collect


def is_whole(store: Storage, name: str, digest: Digest) -> bool:
    data = store.manifest(name, digest).data
    document = json.loads(data)
    needs = [document["config"], *document["layers"]] if "config" in document else []
    return all(store.blob_size(name, Digest(need["digest"])) == need["size"] for need in needs)


def test_what_no_manifest_needs_goes_and_the_rest_stays(tmp_path: Path) -> None:
    store = opened(tmp_path)
    kept = push_image(store, "a", "one")
    lost = push_blob(store, "a", b"nobody needs this")
    age(store)
    done = run_collect(store)
    assert (done.blobs, done.links, done.recent) == (Tally(1, 17), 1, Tally())
    assert store.blobs.size(lost) is None
    assert not store.repository("a").has_blob(lost)
    assert is_whole(store, "a", kept)
    assert run_collect(store).blobs == Tally()


def test_a_dry_run_says_the_same_and_removes_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path)
    push_blob(store, "a", b"unused")
    store.delete_manifest("a", push_image(store, "a", "one"))
    store.uploads.start("b")
    age(store)
    before = sorted(tmp_path.rglob("*"))
    said = run_collect(store, dry_run=True)
    assert sorted(tmp_path.rglob("*")) == before
    done = run_collect(store)
    assert (said.blobs, said.recent) == (done.blobs, done.recent)
    assert done.blobs.count == 4


def test_content_of_a_deleted_image_goes_unless_another_repository_needs_it(tmp_path: Path) -> None:
    store = opened(tmp_path)
    digest = push_image(store, "a", "one")
    push_image(store, "b", "one")
    store.delete_manifest("a", digest)
    age(store)
    assert run_collect(store).blobs == Tally()
    assert is_whole(store, "b", digest)
    with pytest.raises(Problem, match="BLOB_UNKNOWN"):
        store.blob_size("a", digest_of(LAYER))
    store.delete_manifest("b", digest)
    age(store)
    assert run_collect(store).blobs.count == 3


def test_an_untagged_manifest_is_no_garbage(tmp_path: Path) -> None:
    store = opened(tmp_path)
    digest = push_image(store, "a", "one")
    store.delete_tag("a", "one")
    age(store)
    assert run_collect(store).blobs == Tally()
    assert is_whole(store, "a", digest)


def test_everything_an_index_and_its_images_need_stays(tmp_path: Path) -> None:
    store = opened(tmp_path)
    child = push_image(store, "a", "one")
    cached = push_blob(store, "a", b"a build cache's layer", "sha512")
    entries = [
        {"mediaType": OCI_MANIFEST, "digest": child, "size": len(image())},
        {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": cached, "size": 21},
    ]
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    store.put_manifest("a", "multi", index, OCI_INDEX)
    age(store)
    assert run_collect(store).blobs == Tally()


def test_a_layer_with_an_address_of_its_own_stays_while_a_manifest_names_it(tmp_path: Path) -> None:
    store = opened(tmp_path)
    push_blob(store, "a", CONFIG)
    foreign = push_blob(store, "a", b"foreign")
    layer = {"mediaType": "l", "digest": foreign, "size": 7, "urls": ["https://example.org/l"]}
    store.put_manifest("a", "one", image(layers=[layer]), OCI_MANIFEST)
    age(store)
    assert run_collect(store).blobs == Tally()


def test_a_digest_that_is_written_with_escapes_counts(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for data in (CONFIG, LAYER):
        push_blob(store, "a", data)
    digest, _ = store.put_manifest("a", "one", image().replace(b'"sha256:', b'"sha\\u0032\\u00356:'), OCI_MANIFEST)
    age(store)
    assert run_collect(store).blobs == Tally()
    assert is_whole(store, "a", digest)


@pytest.mark.parametrize("use", ["ask", "push", "mount", "tag"])
def test_what_somebody_used_within_the_grace_period_stays(tmp_path: Path, use: str) -> None:
    store = opened(tmp_path)
    digest = push_blob(store, "a", LAYER)
    age(store)
    if use == "ask":
        store.blob_size("a", digest)
    elif use == "push":
        push_blob(store, "b", LAYER)
    elif use == "mount":
        assert store.mount("b", digest, "a")
    else:
        manifest = push_image(store, "a", "one")
        age(store)
        store.put_manifest("a", "two", image(), OCI_MANIFEST)
        store.delete_manifest("a", manifest)
    done = run_collect(store)
    assert done.blobs == Tally()
    assert done.recent.count > 0
    age(store, seconds=GRACE + 120)
    assert run_collect(store).blobs.count > 0


def test_a_repository_with_a_manifest_that_cannot_be_read_loses_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path)
    manifest = push_image(store, "a", "one")
    push_blob(store, "b", b"other")
    Path(store.blobs.path(manifest)).write_bytes(b"damaged")
    age(store)
    done = run_collect(store)
    assert done.unreadable == ("a",)
    assert done.blobs == Tally(1, 5)
    for data in (CONFIG, LAYER):
        assert store.blob_size("a", digest_of(data)) == len(data)


def test_a_push_that_takes_long_keeps_its_first_layers_while_it_sends_more(tmp_path: Path) -> None:
    store = opened(tmp_path)
    first = push_blob(store, "a", b"first")
    elsewhere = push_blob(store, "b", b"elsewhere")
    age(store)
    store.uploads.start("a")
    run_collect(store)
    assert store.blobs.size(first) == 5
    assert store.blobs.size(elsewhere) is None
    age(store, seconds=SESSION_LIFETIME)
    run_collect(store)
    assert store.blobs.size(first) is None


def test_expired_uploads_go_and_one_that_is_written_to_stays(tmp_path: Path) -> None:
    store = opened(tmp_path)
    old, written, new = (store.uploads.start("a") for _ in range(3))
    for upload in (old, written):
        os.truncate(upload.path, 100)
        os.utime(upload.path, (1e9, 1e9))
    written.claim()
    assert run_collect(store).uploads == Tally(2, 200)
    assert [upload.path.exists() for upload in (old, written, new)] == [False, True, True]


def test_leftovers_of_a_crash_go(tmp_path: Path) -> None:
    store = opened(tmp_path)
    subject = push_image(store, "a", "one")
    attached = image(subject={"mediaType": OCI_MANIFEST, "digest": subject, "size": 1})
    digest, _ = store.put_manifest("a", "two", attached, OCI_MANIFEST)
    (tmp_path / "repositories/a/_manifests/sha256" / digest.partition(":")[2]).unlink()
    assert run_collect(store).leftovers == 2
    assert store.repository("a").tags() == ["one"]
    assert store.repository("a").leftovers() == []


def test_only_one_collection_at_a_time(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with store.blobs.collecting(), pytest.raises(CollectionUnderWay):
        run_collect(store)
    run_collect(store)


def test_a_collection_that_is_told_to_end_takes_no_content(tmp_path: Path) -> None:
    store = opened(tmp_path)
    push_image(store, "a", "one")
    age(store)
    assert run_collect(store, ended=lambda: True).blobs == Tally()
    assert is_whole(store, "a", digest_of(image()))


# A push and a collection that meet: one of them runs as a whole at each step of the other. The grace period is nothing.

PUSH_STEPS = (
    "blob-named",
    "blob-stored",
    "link-made",
    "manifest-checked",
    "manifest-stored",
    "file-named",
    "manifest-linked",
)
COLLECT_STEPS = ("collect-listed", "collect-unlinked", "collect-marked", "collect-moved")


def at(monkeypatch: pytest.MonkeyPatch, point: str, work: Callable[[], object]) -> list[str]:
    """Do `work` whenever `point` is passed, but not within itself."""
    seen: list[str] = []
    busy = False

    def passing(passed: str) -> None:
        nonlocal busy
        if passed == point and not busy:
            busy = True
            seen.append(passed)
            work()
            busy = False

    for module in (
        blobs,
        storage,
        collect,
        repositories,
        __import__("windlass.registry.server.storage.durable", fromlist=["x"]),
    ):
        monkeypatch.setattr(module, "passing", passing)
    return seen


@pytest.mark.parametrize("point", PUSH_STEPS)
def test_a_collection_at_any_step_of_a_push_takes_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    store = opened(tmp_path)
    for data in (CONFIG, LAYER):
        push_blob(store, "a", data)
    if not point.startswith(("manifest", "file")):
        at(monkeypatch, point, lambda: run_collect(store, grace=0))
        push_blob(store, "new/repository", b"more")
        assert store.blob_size("new/repository", digest_of(b"more")) == 4
        return
    store.blobs.put(image(), digest_of(image()))
    age(store)
    seen = at(monkeypatch, point, lambda: run_collect(store, grace=0))
    digest, _ = store.put_manifest("a", "one", image(), OCI_MANIFEST)
    assert seen
    assert is_whole(store, "a", digest)


@pytest.mark.parametrize("point", COLLECT_STEPS)
@pytest.mark.parametrize("name", ["a", "b", "z"])
@pytest.mark.parametrize("grace", [GRACE, 0.0])
def test_a_push_at_any_step_of_a_collection_is_whole_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, name: str, grace: float
) -> None:
    store = opened(tmp_path)
    for data in (b"unused", CONFIG, LAYER):
        for repository in ("a", "b", "z"):
            push_blob(store, repository, data)
    if grace:
        age(store)  # otherwise the files' times cannot help: their last use is too recent to be noted again
    pushed: list[Digest] = []

    def push() -> None:
        try:
            pushed.append(store.put_manifest(name, "one", image(), OCI_MANIFEST)[0])
        except Problem as problem:
            assert problem.code == "MANIFEST_BLOB_UNKNOWN"

    seen = at(monkeypatch, point, push)
    run_collect(store, grace=grace)
    assert seen
    for digest in pushed:
        assert is_whole(store, name, digest)
    assert bool(pushed) == (store.repository(name).tags() == ["one"])


@pytest.mark.parametrize("point", COLLECT_STEPS)
@pytest.mark.parametrize("grace", [GRACE, 0.0])
def test_what_a_client_was_told_is_here_during_a_collection_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, grace: float
) -> None:
    store = opened(tmp_path)
    digests = [push_blob(store, "a", data) for data in (b"1", b"2", CONFIG, LAYER)]
    if grace:
        age(store)
    told: set[Digest] = set()

    def ask() -> None:
        for digest in digests:
            try:
                store.blob_size("a", digest)
                told.add(digest)
            except Problem:
                told.discard(digest)

    at(monkeypatch, point, ask)
    run_collect(store, grace=grace)
    for digest in told:
        assert store.blob_size("a", digest)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["blob", "image", "mount", "ask", "untag", "delete", "collect", "age"]),
        st.sampled_from(["a", "b"]),
        st.integers(0, 3),
    ),
    max_size=30,
)


@given(STEPS)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_in_between_every_manifest_is_whole(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, int]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        store = opened(tmp_path_factory.mktemp("root"))
        done = Collected(False)
        for what, name, number in steps:
            layer = b"layer %d" % number
            manifest = image(layers=[{"mediaType": "l", "digest": digest_of(layer), "size": len(layer)}])
            try:
                if what == "blob":
                    push_blob(store, name, layer)
                elif what == "image":
                    push_blob(store, name, CONFIG)
                    store.put_manifest(name, f"t{number}", manifest, OCI_MANIFEST)
                elif what == "mount":
                    store.mount(name, digest_of(layer), None)
                elif what == "ask":
                    store.blob_size(name, digest_of(layer))
                elif what == "untag":
                    store.delete_tag(name, f"t{number}")
                elif what == "delete":
                    store.delete_manifest(name, digest_of(manifest))
                elif what == "age":
                    age(store)
                else:
                    done = run_collect(store, grace=(0.0, GRACE)[number % 2])
            except Problem:
                pass
            for each in ("a", "b"):
                for digest in store.repository(each).manifests():
                    assert is_whole(store, each, digest)
        assert done.unreadable == ()


def test_a_blob_that_is_moved_aside_meanwhile_ends_no_collection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path)
    push_image(store, "a", "one")
    lost = push_blob(store, "a", b"nobody needs this")
    other = push_blob(store, "a", b"nor this")
    age(store)
    move_out = store.blobs.move_out

    def meanwhile(digest: Digest) -> Path | None:
        if digest == lost:
            Path(store.blobs.path(digest)).unlink()
        return move_out(digest)

    monkeypatch.setattr(store.blobs, "move_out", meanwhile)
    assert run_collect(store).blobs == Tally(1, len(b"nor this"))
    assert store.blobs.size(other) is None
