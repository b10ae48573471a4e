"""What is said of two images that are not the same."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from windlass.oci.difference import LayoutContent, differences

Files = dict[str, str]


def _image(
    folder: Path, layers: list[Files], *, time: int = 0, level: int = 6, **config: Any
) -> tuple[LayoutContent, str]:
    """One platform; each layer's files come from an instruction of its own."""

    def blob(data: bytes) -> dict[str, Any]:
        value = hashlib.sha256(data).hexdigest()
        place = folder / "blobs" / "sha256" / value
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        return {"digest": f"sha256:{value}", "size": len(data)}

    archives = [_archive(files, time) for files in layers]
    document = {
        "os": "linux",
        "architecture": "amd64",
        "created": str(time),
        "config": {},
        "rootfs": {"diff_ids": [f"sha256:{hashlib.sha256(data).hexdigest()}" for data in archives]},
        "history": [
            {"created_by": "ENV A=1", "empty_layer": True},
            *({"created_by": f"COPY {number} / # buildkit"} for number, _ in enumerate(layers, 1)),
        ],
        **config,
    }
    manifest = {
        "config": blob(json.dumps(document).encode()),
        "layers": [blob(gzip.compress(data, level, mtime=0)) for data in archives],
    }
    entry = {**blob(json.dumps(manifest).encode()), "platform": {"os": "linux", "architecture": "amd64"}}
    index = {"manifests": [entry]}
    return LayoutContent(folder), str(blob(json.dumps(index).encode())["digest"])


def _archive(files: Files, time: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(text), time
            entry.mode = 0o755 if text.startswith("#!") else 0o644
            archive.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()


@pytest.fixture
def old(tmp_path: Path) -> tuple[LayoutContent, str]:
    return _image(tmp_path / "old", [{"a": "1", "b": "1"}, {"c": "1"}])


def test_the_same_image_does_not_differ(old: tuple[LayoutContent, str], tmp_path: Path) -> None:
    assert differences(*old, *_image(tmp_path / "new", [{"a": "1", "b": "1"}, {"c": "1"}])) == ()


def test_times_alone_are_no_difference(old: tuple[LayoutContent, str], tmp_path: Path) -> None:
    new = _image(tmp_path / "new", [{"a": "1", "b": "1"}, {"c": "1"}], time=7)

    assert new[1] != old[1]
    assert differences(*old, *new) == ()


def test_another_compression_is_no_difference(old: tuple[LayoutContent, str], tmp_path: Path) -> None:
    new = _image(tmp_path / "new", [{"a": "1", "b": "1"}, {"c": "1"}], level=0)

    assert new[1] != old[1]
    assert differences(*old, *new) == ()


def test_the_first_layer_that_differs_is_told_with_its_instruction_and_files(
    old: tuple[LayoutContent, str], tmp_path: Path
) -> None:
    new = _image(tmp_path / "new", [{"a": "1", "b": "1"}, {"c": "2", "d": "new"}], time=7)

    assert differences(*old, *new) == ("linux/amd64: layer 2 differs, from COPY 2 /: /c, /d",)


def test_a_mode_is_a_difference_and_long_lists_are_cut(tmp_path: Path) -> None:
    names = [f"f{number}" for number in range(9)]
    old = _image(tmp_path / "old", [dict.fromkeys(names, "#!1")])
    new = _image(tmp_path / "new", [dict.fromkeys(names, "  1")])

    assert differences(*old, *new) == ("linux/amd64: layer 1 differs, from COPY 1 /: /f0, /f1, /f2 and 6 more",)


def test_a_layer_more_is_told(old: tuple[LayoutContent, str], tmp_path: Path) -> None:
    new = _image(tmp_path / "new", [{"a": "1", "b": "1"}, {"c": "1"}, {"d": "1"}])

    assert differences(*old, *new) == ("linux/amd64: it has 3 layers, not 2",)


def test_a_setting_is_named_without_its_value(old: tuple[LayoutContent, str], tmp_path: Path) -> None:
    new = _image(tmp_path / "new", [{"a": "1", "b": "1"}, {"c": "1"}], config={"Env": ["TOKEN=hidden"]})

    assert differences(*old, *new) == ("linux/amd64: its configuration differs: Env",)


def test_a_platform_that_one_lacks_is_told(old: tuple[LayoutContent, str], tmp_path: Path) -> None:
    new = _image(tmp_path / "new", [{"a": "1", "b": "1"}, {"c": "1"}])
    content, digest = new
    document = dict(content.document(digest))
    document["manifests"] = [
        *document["manifests"],
        {**document["manifests"][0], "platform": {"os": "linux", "architecture": "arm64"}},
    ]
    body = json.dumps(document).encode()
    both = hashlib.sha256(body).hexdigest()
    (tmp_path / "new" / "blobs" / "sha256" / both).write_bytes(body)

    assert differences(*old, content, f"sha256:{both}") == ("linux/arm64 is in one of them only",)


def test_a_blob_that_is_missing_is_an_error_of_its_own(old: tuple[LayoutContent, str], tmp_path: Path) -> None:
    new = _image(tmp_path / "new", [{"a": "2"}])

    with pytest.raises(OSError):
        differences(old[0], f"sha256:{'0' * 64}", *new)
