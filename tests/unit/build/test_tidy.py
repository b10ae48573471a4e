"""A layout folder holds the image built last, and nothing else."""

from __future__ import annotations

from pathlib import Path

from windlass.build.tidy import drop_partial, tidy
from windlass.oci.layout import Layout
from windlass.testing.images import make_image


def test_blobs_of_earlier_images_go_and_shared_ones_stay(tmp_path: Path) -> None:
    first = make_image(tmp_path, name="first")
    second = make_image(tmp_path, name="second")
    own = {blob.digest for blob in Layout(tmp_path).blobs(first.digest)} - {
        blob.digest for blob in Layout(tmp_path).blobs(second.digest)
    }
    tidy(tmp_path, second.digest)
    left = {f"{path.parent.name}:{path.name}" for path in tmp_path.glob("blobs/*/*")}
    assert {blob.digest for blob in Layout(tmp_path).blobs(second.digest)} <= left
    assert not own & left
    assert first.digest not in left
    assert Layout(tmp_path).manifests(second.digest)


def test_what_an_interrupted_export_left_goes(tmp_path: Path) -> None:
    image = make_image(tmp_path)
    (tmp_path / "ingest" / "abc").mkdir(parents=True)
    (tmp_path / "ingest" / "abc" / "data").write_bytes(b"half")
    drop_partial(tmp_path)
    assert not (tmp_path / "ingest").exists()
    assert Layout(tmp_path).blobs(image.digest)
