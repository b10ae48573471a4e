"""How a scrub goes on where it was, ends when it is told, and leaves alone what was replaced meanwhile."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.registry.server.stored import CONFIG, LAYER, image, opened, push_blob, push_image

from windlass.registry.server.names import Digest, digest_of
from windlass.registry.server.storage.manifests import OCI_MANIFEST
from windlass.registry.server.storage.references import dependents
from windlass.registry.server.upkeep.background import SCRUB_EVERY, _State
from windlass.registry.server.upkeep.scrub import Pace, examine, scrub


def test_it_goes_on_after_the_last_one_that_was_passed(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for number in range(5):
        push_blob(store, "a", b"%d" % number, "sha512" if number % 2 else "sha256")
    order: list[Digest] = []
    whole = scrub(store, rate=None, passed=order.append)
    assert (whole.blobs, whole.size, whole.damage, whole.complete) == (5, 5, (), True)
    rest: list[Digest] = []
    assert scrub(store, rate=None, after=order[1], passed=rest.append).blobs == 3
    assert rest == order[2:]


def test_one_that_is_told_to_end_says_that_it_is_not_complete(tmp_path: Path) -> None:
    store = opened(tmp_path)
    push_image(store, "a", "one")
    done = scrub(store, rate=None, ended=lambda: True)
    assert (done.blobs, done.complete, done.damage) == (0, False, ())


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_damage_is_moved_aside_once_and_not_what_replaced_it(tmp_path: Path, algorithm: str) -> None:
    store = opened(tmp_path)
    digest = push_blob(store, "a", LAYER, algorithm)
    path = Path(store.blobs.path(digest))
    path.write_bytes(b"wrong")
    found = examine(store, digest, Pace(None, lambda: False))
    assert found is not None
    assert found.inode is not None
    push_blob(store, "a", LAYER, algorithm)
    assert store.blobs.quarantine(digest, found.inode) is None
    assert store.blobs.read(digest) == LAYER
    path.write_bytes(b"wrong")
    (damage,) = scrub(store, rate=None).damage
    assert (damage.digest, damage.moved_to is not None) == (digest, True)
    assert store.blobs.size(digest) is None
    assert scrub(store, rate=None).damage == ()


def test_a_look_moves_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path)
    digest = push_blob(store, "a", LAYER)
    Path(store.blobs.path(digest)).write_bytes(b"wrong")
    (damage,) = scrub(store, rate=None, move=False).damage
    assert (damage.moved_to, store.blobs.read(digest)) == (None, b"wrong")


def test_what_needs_content_is_found_through_indexes_in_every_repository(tmp_path: Path) -> None:
    store = opened(tmp_path)
    child = push_image(store, "a", "one")
    push_image(store, "b", "two")
    entry = {"mediaType": OCI_MANIFEST, "digest": child, "size": len(image())}
    index = b'{"schemaVersion":2,"manifests":[%s]}' % json.dumps(entry).encode()
    store.put_manifest("a", "multi", index, None)
    found = dependents(store, {digest_of(LAYER), digest_of(CONFIG), digest_of(b"unknown")})
    assert set(found) == {digest_of(LAYER), digest_of(CONFIG)}
    assert {(each.repository, each.tags) for each in found[digest_of(LAYER)]} == {
        ("a", ("one",)),
        ("a", ("multi",)),
        ("b", ("two",)),
    }


def test_the_background_remembers_how_far_it_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(tmp_path)
    state = _State(tmp_path)
    assert state.due()
    state.finish()
    assert not _State(tmp_path).due()
    monkeypatch.setattr("windlass.registry.server.upkeep.background._SAVE_EVERY", -1.0)
    state.passed(digest_of(LAYER))
    again = _State(tmp_path)
    assert (again.after, again.due()) == (digest_of(LAYER), True)
    state.finish()
    monkeypatch.setattr("windlass.registry.server.upkeep.background.SCRUB_EVERY", -SCRUB_EVERY)
    assert _State(tmp_path).due()
    (tmp_path / "scrub.json").write_text("nonsense")
    assert _State(tmp_path).after is None
