"""Image layouts as builders write them, and damaged ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from windlass.oci import digest as digests
from windlass.oci.faults import Malformed, NotFound
from windlass.oci.layout import Layout
from windlass.oci.manifest import OCI_INDEX, OCI_MANIFEST
from windlass.testing.images import make_image


def _store(folder: Path, document: Any) -> dict[str, Any]:
    data = json.dumps(document).encode()
    digest = digests.of(data)
    (folder / "blobs" / "sha256" / digest[7:]).write_bytes(data)
    return {"digest": digest, "size": len(data)}


def test_manifests_come_before_the_index_that_names_them(tmp_path: Path) -> None:
    image = make_image(tmp_path)
    stored = Layout(tmp_path).manifests(image.digest)
    assert [one.descriptor.is_index for one in stored] == [False, False, True]
    assert stored[-1].descriptor.digest == image.digest


def test_blobs_of_all_platforms_come_once_each(tmp_path: Path) -> None:
    image = make_image(tmp_path, layers=2)
    blobs = Layout(tmp_path).blobs(image.digest)
    assert len(blobs) == len({blob.digest for blob in blobs}) == 2 * (1 + 2) + 1


def test_the_size_of_an_image_counts_everything_once(tmp_path: Path) -> None:
    image = make_image(tmp_path)
    files = sum(file.stat().st_size for file in (tmp_path / "blobs" / "sha256").iterdir())
    assert Layout(tmp_path).size(image.digest) == files


def test_the_child_of_a_platform_is_found_below_a_nested_index(tmp_path: Path) -> None:
    image = make_image(tmp_path)
    outer = _store(tmp_path, {"manifests": [{"mediaType": OCI_INDEX, **_plain(tmp_path, image.digest)}]})
    layout = Layout(tmp_path)
    child = layout.child(outer["digest"], "linux/arm64")
    assert child is not None
    assert child == layout.child(image.digest, "linux/arm64")
    assert layout.child(outer["digest"], "linux/s390x") is None
    assert [one.descriptor.is_index for one in layout.manifests(outer["digest"])] == [False, False, True, True]


def test_a_single_manifest_is_its_own_child(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    child = layout.child(make_image(tmp_path).digest, "linux/amd64")
    assert child is not None
    again = layout.child(child.digest, "linux/amd64")
    assert again is not None
    assert again.digest == child.digest


def test_blobs_that_an_index_names_directly_belong_to_it(tmp_path: Path) -> None:
    make_image(tmp_path)
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", **_store(tmp_path, "a cache layer")}
    cache = _store(tmp_path, {"manifests": [layer]})
    layout = Layout(tmp_path)
    assert [blob.digest for blob in layout.blobs(cache["digest"])] == [layer["digest"]]
    assert len(layout.manifests(cache["digest"])) == 1


def test_index_json_is_read(tmp_path: Path) -> None:
    image = make_image(tmp_path)
    assert [child.digest for child in Layout(tmp_path).index().manifests] == [image.digest]


def test_a_folder_that_is_no_layout_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no index\.json"):
        Layout(tmp_path).index()
    (tmp_path / "index.json").write_text("{")
    with pytest.raises(Malformed):
        Layout(tmp_path).index()


def test_a_missing_or_changed_manifest_is_said_with_its_file(tmp_path: Path) -> None:
    image = make_image(tmp_path)
    layout = Layout(tmp_path)
    file = layout.blob(image.digest)
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(Malformed) as changed:
        layout.manifests(image.digest)
    assert changed.value.where == str(file)
    file.unlink()
    with pytest.raises(NotFound) as missing:
        layout.manifests(image.digest)
    assert missing.value.remedy


def test_a_digest_cannot_lead_out_of_the_layout(tmp_path: Path) -> None:
    with pytest.raises(Malformed):
        Layout(tmp_path).blob("sha256:../../../etc/passwd")


def test_indexes_nested_without_end_are_refused(tmp_path: Path) -> None:
    make_image(tmp_path)
    top = {"mediaType": OCI_MANIFEST, **_store(tmp_path, {"manifests": []})}
    for _ in range(10):
        top = {"mediaType": OCI_INDEX, **_store(tmp_path, {"manifests": [{**top, "mediaType": OCI_INDEX}]})}
    with pytest.raises(Malformed, match="nested"):
        Layout(tmp_path).manifests(top["digest"])


def _plain(folder: Path, digest: str) -> dict[str, Any]:
    return {"digest": digest, "size": Layout(folder).blob(digest).stat().st_size}
