"""What storage promises: content once, links decide who sees it, and a failure at any step leaves nothing half-done."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.registry.server.stored import CONFIG, LAYER, image, opened, push_blob, push_image

from windlass.registry.server.names import digest_of
from windlass.registry.server.problems import Problem
from windlass.registry.server.storage.blobs import stored_bytes
from windlass.registry.server.storage.manifests import OCI_INDEX, OCI_MANIFEST
from windlass.registry.server.storage.uploads import SESSION_LIFETIME


def test_the_root_is_an_oci_image_layout_that_stores_a_blob_once(tmp_path: Path) -> None:
    storage = opened(tmp_path)
    digest = push_blob(storage, "a", LAYER)
    push_blob(storage, "b/c", LAYER)
    assert json.loads((tmp_path / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    assert json.loads((tmp_path / "index.json").read_text())["schemaVersion"] == 2
    assert [file.name for file in (tmp_path / "blobs/sha256").iterdir()] == [digest.partition(":")[2]]
    assert not list((tmp_path / "uploads").iterdir())


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_blob_is_visible_only_where_it_was_pushed_or_mounted(tmp_path: Path, algorithm: str) -> None:
    storage = opened(tmp_path)
    digest = push_blob(storage, "a", LAYER, algorithm)
    assert storage.blob_size("a", digest) == len(LAYER)
    with pytest.raises(Problem, match="BLOB_UNKNOWN"):
        storage.blob_size("b", digest)
    assert not storage.mount("b", digest, "c")
    assert storage.mount("b", digest, "a")
    assert storage.mount("d", digest, None)
    assert storage.blob_size("b", digest) == storage.blob_size("d", digest) == len(LAYER)


def test_content_that_is_not_its_digest_is_refused_and_gone(tmp_path: Path) -> None:
    storage = opened(tmp_path)
    upload = storage.uploads.start("a")
    upload.claim()
    upload.write([b"other"])
    upload.hash([b"other"])
    with pytest.raises(Problem, match="DIGEST_INVALID"):
        storage.finish_upload("a", upload, digest_of(LAYER))
    upload.release()
    assert not list((tmp_path / "uploads").iterdir())
    assert not list((tmp_path / "blobs/sha256").iterdir())


def test_a_truncated_blob_is_replaced_by_the_next_push(tmp_path: Path) -> None:
    storage = opened(tmp_path)
    digest = push_blob(storage, "a", LAYER)
    Path(storage.blobs.path(digest)).write_bytes(LAYER[:2])
    push_blob(storage, "a", LAYER)
    assert storage.blobs.read(digest) == LAYER


def test_an_upload_goes_on_after_a_restart(tmp_path: Path) -> None:
    upload = opened(tmp_path).uploads.start("a")
    upload.claim()
    upload.write([LAYER[:3]])
    upload.release()
    storage = opened(tmp_path)
    again = storage.uploads.find("a", upload.id)
    assert again.size == 3
    again.claim()
    again.write([LAYER[3:]])
    storage.finish_upload("a", again, digest_of(LAYER))
    again.release()
    assert storage.blob_size("a", digest_of(LAYER)) == len(LAYER)


def test_an_upload_belongs_to_its_repository_and_to_one_writer(tmp_path: Path) -> None:
    storage = opened(tmp_path)
    upload = storage.uploads.start("a")
    with pytest.raises(Problem, match="BLOB_UPLOAD_UNKNOWN"):
        storage.uploads.find("b", upload.id)
    upload.claim()
    with pytest.raises(Problem, match="another request"):
        upload.claim()


@pytest.mark.parametrize("id", ["", "..", "x", "../../etc/passwd", "0" * 36])
def test_an_upload_id_is_never_a_path(tmp_path: Path, id: str) -> None:
    with pytest.raises(Problem, match="BLOB_UPLOAD_UNKNOWN"):
        opened(tmp_path).uploads.find("a", id)


def test_abandoned_uploads_expire(tmp_path: Path) -> None:
    storage = opened(tmp_path)
    old, new = storage.uploads.start("a"), storage.uploads.start("a")
    past = old.path.stat().st_mtime - SESSION_LIFETIME - 1
    os.utime(old.path, (past, past))
    assert storage.uploads.expire() == 1
    with pytest.raises(Problem, match="BLOB_UPLOAD_UNKNOWN"):
        storage.uploads.find("a", old.id)
    assert storage.uploads.find("a", new.id) is new


def test_a_manifest_is_refused_while_its_content_is_missing(tmp_path: Path) -> None:
    storage = opened(tmp_path)
    push_blob(storage, "a", CONFIG)
    push_blob(storage, "b", LAYER)
    with pytest.raises(Problem) as caught:
        storage.put_manifest("a", "latest", image(), OCI_MANIFEST)
    assert caught.value.code == "MANIFEST_BLOB_UNKNOWN"
    assert caught.value.detail == {"digests": [digest_of(LAYER)]}
    assert storage.repository("a").tags() == []


def test_an_index_may_hold_manifests_and_blobs(tmp_path: Path) -> None:
    storage = opened(tmp_path)
    child = push_image(storage, "a", "one")
    entries = [
        {"mediaType": OCI_MANIFEST, "digest": child, "size": len(image())},
        {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest_of(LAYER), "size": len(LAYER)},
    ]
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    storage.put_manifest("a", "cache", index, OCI_INDEX)
    assert storage.manifest("a", "cache").data == index


def test_a_wrong_size_in_a_manifest_is_refused(tmp_path: Path) -> None:
    storage = opened(tmp_path)
    push_image(storage, "a", "one")
    wrong = image(config={"mediaType": "c", "digest": digest_of(CONFIG), "size": 99})
    with pytest.raises(Problem, match="MANIFEST_BLOB_UNKNOWN"):
        storage.put_manifest("a", "two", wrong, OCI_MANIFEST)


def test_deleting_a_tag_leaves_the_manifest_and_its_other_tags(tmp_path: Path) -> None:
    storage = opened(tmp_path)
    digest = push_image(storage, "a", "one")
    storage.put_manifest("a", "two", image(), OCI_MANIFEST)
    storage.delete_tag("a", "one")
    assert storage.repository("a").tags() == ["two"]
    assert storage.manifest("a", digest).data == image()


def test_deleting_a_manifest_takes_its_tags_and_its_place_among_the_referrers(tmp_path: Path) -> None:
    storage = opened(tmp_path)
    subject = push_image(storage, "a", "one")
    attached = image(subject={"mediaType": OCI_MANIFEST, "digest": subject, "size": 1})
    digest, _ = storage.put_manifest("a", "signature", attached, OCI_MANIFEST)
    assert [each["digest"] for each in storage.referrers("a", subject)] == [digest]
    storage.delete_manifest("a", digest)
    assert storage.referrers("a", subject) == []
    assert storage.repository("a").tags() == ["one"]
    with pytest.raises(Problem, match="MANIFEST_UNKNOWN"):
        storage.delete_manifest("a", digest)


def test_only_repositories_with_a_manifest_are_listed(tmp_path: Path) -> None:
    storage = opened(tmp_path)
    push_blob(storage, "blobs-only", LAYER)
    push_image(storage, "a/b", "one")
    push_image(storage, "a", "one")
    push_image(storage, "a-b", "one")
    assert storage.names() == ["a", "a-b", "a/b"]


def test_the_inventory_tells_what_is_stored_and_shared_content_once(tmp_path: Path) -> None:
    storage = opened(tmp_path)
    for name in ("a", "b"):
        push_image(storage, name, "one")
    assert stored_bytes(tmp_path) == len(CONFIG) + len(LAYER) + len(image())
    assert stored_bytes(tmp_path / "nowhere") == 0


class Crash(BaseException):
    """The process ends here."""


def _crashing(monkeypatch: pytest.MonkeyPatch, at: int) -> Callable[[], int]:
    """Make the `at`-th call that touches the disk's names or syncs it the last one; returns how many there were."""
    calls = 0

    def wrap(real: Any) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == at:
                raise Crash
            return real(*args, **kwargs)

        return wrapped

    for name in ("fsync", "open", "replace", "unlink", "mkdir"):
        monkeypatch.setattr(os, name, wrap(getattr(os, name)))
    for name in ("replace", "unlink", "mkdir"):
        monkeypatch.setattr(Path, name, wrap(getattr(Path, name)))
    return lambda: calls


def test_a_crash_at_any_step_of_a_push_or_deletion_never_leaves_a_manifest_without_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # it counts as a step, and need not be slow here
    at, crashed = 0, True
    while crashed:
        at += 1
        root = tmp_path / str(at)
        storage, acknowledged = opened(root), []
        with pytest.MonkeyPatch.context() as patch:
            _crashing(patch, at)
            try:
                subject = push_image(storage, "a", "one")
                acknowledged.append("one")
                attached = image(subject={"mediaType": OCI_MANIFEST, "digest": subject, "size": 1})
                digest, _ = storage.put_manifest("a", "two", attached, OCI_MANIFEST)
                acknowledged.append("two")
                acknowledged.remove("two")
                storage.delete_manifest("a", digest)
                crashed = False
            except Crash:
                pass
        after = opened(root)
        for tag in acknowledged:
            assert after.manifest("a", tag)
        for digest in after.repository("a").manifests():
            after.manifest("a", digest)
            for data in (CONFIG, LAYER):
                assert after.blobs.read(digest_of(data)) == data
        for file in (root / "blobs/sha256").iterdir():
            assert digest_of(file.read_bytes()) == f"sha256:{file.name}"
        push_image(after, "a", "one")
    assert at > 40
