"""The working tree as a tree: what is found by looking at little is what git finds by looking at everything."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from windlass.git.repository import Repository
from windlass.git.tree import GitFiles

Edit = Callable[[Path], object]
"""Changes the checkout."""


def run(root: Path, *args: str, **env: str) -> str:
    done = subprocess.run(
        ["git", *args], cwd=root, check=True, capture_output=True, text=True, env={**os.environ, **env}
    )
    return done.stdout.strip()


def write(root: Path, name: str, text: str = "new\n") -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    run(folder, "init", "-q", "-b", "main")
    run(folder, "config", "user.email", "dev@example.org")
    run(folder, "config", "user.name", "Dev")
    write(folder, ".gitignore", "ignored/\n*.log\n")
    for name in ("a.txt", "dir/b.txt", "dir/c.txt", "tool", "star*.txt", "ä ö.txt"):
        write(folder, name, f"{name}\n")
    (folder / "link").symlink_to("a.txt")
    run(folder, "add", "--all")
    run(folder, "commit", "-q", "-m", "start")
    return folder


def everything(root: Path, scratch: Path) -> str:
    """What git makes of it when it looks at every file."""
    shutil.copyfile(root / ".git/index", scratch)
    private = (":(top,exclude,glob)**/.env", ":(top,exclude,glob)**/.env.*")
    run(root, "add", "--update", "--", ":/", GIT_INDEX_FILE=str(scratch))
    run(root, "add", "--all", "--", ":/", *private, GIT_INDEX_FILE=str(scratch))
    return run(root, "write-tree", GIT_INDEX_FILE=str(scratch))


def becomes_folder(root: Path) -> None:
    (root / "a.txt").unlink()
    write(root, "a.txt/inside.txt")
    write(root, "a.txt/.env", "PRIVATE=1\n")


def becomes_file(root: Path) -> None:
    shutil.rmtree(root / "dir")
    write(root, "dir")


def conflict(root: Path) -> None:
    run(root, "switch", "-q", "-c", "other")
    write(root, "a.txt", "theirs\n")
    run(root, "commit", "-qam", "theirs")
    run(root, "switch", "-q", "main")
    write(root, "a.txt", "ours\n")
    run(root, "commit", "-qam", "ours")
    subprocess.run(["git", "merge", "-q", "other"], cwd=root, capture_output=True)


def nested(root: Path) -> None:
    (root / "sub").mkdir()
    run(root / "sub", "init", "-q")
    write(root / "sub", "x.txt")
    run(root / "sub", "add", "--all")
    run(root / "sub", "-c", "user.name=Dev", "-c", "user.email=dev@example.org", "commit", "-qm", "start")


def relinked(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").symlink_to("tool")


def unlinked(root: Path) -> None:
    (root / "link").unlink()
    write(root, "link")


def staged(root: Path) -> None:
    write(root, "n.txt")
    run(root, "add", "n.txt")


def staged_and_deleted(root: Path) -> None:
    staged(root)
    (root / "n.txt").unlink()


def meant_to_be_added(root: Path) -> None:
    write(root, "n.txt")
    run(root, "add", "-N", "n.txt")


def written(*names: str) -> Edit:
    def edit(root: Path) -> None:
        for name in names:
            write(root, name)

    return edit


EDITS: dict[str, Edit] = {
    "nothing": written(),
    "touched": lambda root: os.utime(root / "a.txt", (1, 1)),
    "changed": written("dir/b.txt"),
    "deleted": lambda root: (root / "dir/b.txt").unlink(),
    "a folder deleted": lambda root: shutil.rmtree(root / "dir"),
    "executable": lambda root: (root / "tool").chmod(0o755),
    "a link elsewhere": relinked,
    "a link becomes a file": unlinked,
    "a file becomes a folder": becomes_folder,
    "a folder becomes a file": becomes_file,
    "new files": written("n.txt", "new/deep/er.txt", "x y.txt", "q\n?.txt", ":m"),
    "ignored": written("ignored/x", "y.log"),
    "private": written(".env", "dir/.env.local", "new/.env", "new/x.txt"),
    "names like patterns": written("star*.txt", "starfish.txt", "[a].txt"),
    "staged": staged,
    "staged and deleted": staged_and_deleted,
    "staged deletion, file there": lambda root: run(root, "rm", "-q", "--cached", "a.txt"),
    "moved": lambda root: run(root, "mv", "a.txt", "dir/a.txt"),
    "meant to be added": meant_to_be_added,
    "a conflict": conflict,
    "a repository inside": nested,
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_it_is_what_git_finds_by_looking_at_everything(root: Path, tmp_path: Path, edit: Edit) -> None:
    edit(root)
    repository = Repository(root)
    tree = repository.snapshot().tree
    assert tree == everything(root, tmp_path / "index")
    assert repository.checked_out(tree)


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_files_moved_from_the_commit_are_those_of_the_tree(root: Path, edit: Edit) -> None:
    repository = Repository(root)
    head = repository.head()
    files = GitFiles(repository, head.tree)
    edit(root)
    tree = repository.worktree(head).tree
    moved, read = files.move(repository.changes(head.tree, tree)), GitFiles(repository, tree)
    assert list(moved.paths) == list(read.paths)
    assert moved.listing(0, len(moved.paths)) == read.listing(0, len(read.paths))
    assert moved.submodules == read.submodules


def test_a_few_files_are_written_out_as_they_would_be_among_all(root: Path, tmp_path: Path) -> None:
    write(root, ".gitattributes", "*.txt text eol=crlf\n")
    write(root, "dir/.gitattributes", "c.txt -text\n")
    run(root, "add", "--all")
    run(root, "commit", "-qm", "attributes")
    repository = Repository(root)
    tree = repository.head().tree
    repository.materialise(tree, tmp_path / "all")
    repository.materialise_few(tree, tmp_path / "few", ["a.txt", "dir", "none.txt"])
    found = [path.relative_to(tmp_path / "few") for path in (tmp_path / "few").rglob("*") if path.is_file()]
    assert {"a.txt", "dir/b.txt", "dir/c.txt"} <= {str(path) for path in found}
    assert "tool" not in {str(path) for path in found}
    for path in found:
        assert (tmp_path / "few" / path).read_bytes() == (tmp_path / "all" / path).read_bytes()
    assert (tmp_path / "few/a.txt").read_bytes() == b"a.txt\r\n"


def test_what_a_link_among_few_files_points_to_is_there(root: Path, tmp_path: Path) -> None:
    repository = Repository(root)
    repository.materialise_few(repository.head().tree, tmp_path / "few", ["link"])
    assert (tmp_path / "few/link").read_text() == "a.txt\n"


def test_an_edit_in_the_moment_of_git_s_own_record_is_seen(root: Path) -> None:
    """A file of the same size and time as recorded: git looks into it, because its record is no younger."""
    run(root, "config", "core.trustctime", "false")
    moment = (root / "a.txt").stat().st_mtime_ns - 10**10
    os.utime(root / "a.txt", ns=(moment, moment))
    run(root, "update-index", "--refresh")
    before = Repository(root).snapshot().tree
    write(root, "a.txt", "A.txt\n")
    for name in ("a.txt", ".git/index"):
        os.utime(root / name, ns=(moment, moment))
    assert Repository(root).snapshot().tree != before
