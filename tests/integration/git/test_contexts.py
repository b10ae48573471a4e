from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

from windlass.git.contexts import materialised, sweep
from windlass.git.repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    root = tmp_path / "checkout"
    (root / "api").mkdir(parents=True)
    (root / "api" / "app.py").write_text("one\n")
    (root / "README").write_text("two\n")
    for words in (
        ["init", "-q"],
        ["add", "--all"],
        ["-c", "user.name=D", "-c", "user.email=d@e", "commit", "-qm", "1"],
    ):
        subprocess.run(["git", *words], cwd=root, check=True)
    return Repository.discover(root)


def test_the_folder_has_the_trees_files_and_is_gone_afterwards(repository: Repository, tmp_path: Path) -> None:
    place = tmp_path / "contexts"
    with materialised(repository, repository.head().tree, place) as folder:
        assert (folder / "api" / "app.py").read_text() == "one\n"
    with materialised(repository, repository.head().tree, place, ["api"]) as folder:
        assert not (folder / "README").exists()
    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_goes_with_the_next_one_and_what_is_in_use_stays(
    repository: Repository, tmp_path: Path
) -> None:
    place = tmp_path / "contexts"
    (place / "left" / "deep").mkdir(parents=True)
    with materialised(repository, repository.head().tree, place) as used:
        sweep(place, young=0)
        assert used.exists()
        assert not (place / "left").exists()


def test_a_folder_that_was_made_just_now_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "young").mkdir()
    sweep(tmp_path)
    assert (tmp_path / "young").exists()


def test_a_folder_that_somebody_holds_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "held").mkdir()
    handle = os.open(tmp_path / "held", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    sweep(tmp_path, young=0)
    assert (tmp_path / "held").exists()
    os.close(handle)
    sweep(tmp_path, young=0)
    assert not (tmp_path / "held").exists()
