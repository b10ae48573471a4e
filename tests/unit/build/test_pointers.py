"""Pointers of git LFS are never built into an image."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass.build.pointers import refuse_pointers
from windlass.errors import BuildFailed, ExitCode

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 9\n"


def test_a_pointer_is_refused_with_its_file_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_text(POINTER)
    with pytest.raises(BuildFailed, match=r"model\.bin: git LFS has left a pointer") as refused:
        refuse_pointers("api", ["model.bin"], tmp_path)
    assert refused.value.exit_code == ExitCode.STAGE_FAILED
    assert refused.value.where == "api"
    assert "git lfs pull" in (refused.value.remedy or "")


def test_of_many_pointers_one_is_named_and_the_others_counted(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_text(POINTER)
    with pytest.raises(BuildFailed, match=r"^api: a and 2 more"):
        refuse_pointers("api", "abc", tmp_path)


@pytest.mark.parametrize("content", ["", "\0\1\2", "version https://git-lfs.github.com/spec/v2\n"])
def test_content_is_not(content: str, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_text(content)
    refuse_pointers("api", ["model.bin", "gone"], tmp_path)
