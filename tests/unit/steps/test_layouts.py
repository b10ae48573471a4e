"""One run at a time has a project's layouts; another gets a folder of its own."""

from __future__ import annotations

from pathlib import Path

from windlass.steps.layouts import layouts


def test_what_was_built_is_there_for_the_next_run(tmp_path: Path) -> None:
    with layouts(tmp_path, "shop") as first:
        (first / "blob").touch()
    with layouts(tmp_path, "shop") as second:
        assert (second / "blob").exists()


def test_a_run_beside_another_one_cannot_disturb_it(tmp_path: Path) -> None:
    with layouts(tmp_path, "shop") as first:
        (first / "blob").touch()
        with layouts(tmp_path, "shop") as beside:
            assert beside != first
            assert list(beside.iterdir()) == []
        assert not beside.exists()
        assert (first / "blob").exists()
