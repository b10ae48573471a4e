"""A git tree as the planner sees it, and the fake that stands for it: the same answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from windlass import process
from windlass.git.repository import Repository
from windlass.git.tree import GitFiles
from windlass.plan.interface import Files
from windlass.plan.tree import Tree
from windlass.testing.files import FakeFiles, executable, link

FILES = {
    "Dockerfile": "FROM scratch\n",
    "a/b.txt": "b\n",
    "a.txt": "a\n",
    "a-b": "dash sorts before the slash\n",
    "a0": "zero sorts after it\n",
    "bin/run": executable("#!/bin/sh\n"),
    "current": link("a/b.txt"),
    "empty": "",
    "name with spaces/ä \u4e2d.txt": "ünï\n",
}
Make = Callable[[Mapping[str, str]], Files]


def _from_git(folder: Path) -> Make:
    def make(files: Mapping[str, str]) -> Files:
        process.run(["git", "init", "-q", str(folder)], check=True)
        fake = FakeFiles(files)
        for number, name in enumerate(fake.paths):
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            entry, text = fake.entry(number), fake.read(name) or ""
            if entry.mode == "120000":
                place.symlink_to(text)
            else:
                place.write_text(text)
                place.chmod(0o755 if entry.mode == "100755" else 0o644)
        repository = Repository(folder)
        repository.git("add", "--all", "--force", ".")
        return GitFiles(repository, repository.git("write-tree").strip())

    return make


@pytest.fixture(params=["git", "fake"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    return _from_git(tmp_path / "repository") if request.param == "git" else FakeFiles


def test_paths_are_sorted_and_complete(make: Make) -> None:
    assert list(make(FILES).paths) == sorted(FILES)


def test_entries_have_gits_modes_and_object_ids(make: Make) -> None:
    files = make(FILES)
    entries = [files.entry(number) for number in range(len(files.paths))]

    assert [entry.path for entry in entries] == list(files.paths)
    assert {entry.path: entry.mode for entry in entries if entry.mode != "100644"} == {
        "bin/run": "100755",
        "current": "120000",
    }
    assert {entry.path: entry.oid for entry in entries}["empty"] == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_texts_are_read_one_by_one_or_prepared(make: Make) -> None:
    files = make(FILES)
    files.prepare(["Dockerfile", "name with spaces/ä \u4e2d.txt", "empty", "none"])

    assert files.read("Dockerfile") == "FROM scratch\n"
    assert files.read("name with spaces/ä \u4e2d.txt") == "ünï\n"
    assert files.read("current") == "a/b.txt"
    assert files.read("empty") == ""
    assert files.read("none") is None
    assert files.read("a") is None


def test_paths_are_found_by_a_word_in_them(make: Make) -> None:
    files = make({**FILES, "a/bin/run": "", "bin/bin": ""})
    assert files.containing("bin") == ["a/bin/run", "bin/bin", "bin/run"]
    assert files.containing("z") == []
    assert files.containing("a/b.txt") == ["a/b.txt"]


def test_a_word_is_looked_for_among_the_files_of_now(tmp_path: Path) -> None:
    files = _from_git(tmp_path / "repository")(FILES)
    assert files.containing("Docker") == ["Dockerfile"]
    assert isinstance(files, GitFiles)
    files.move([("Dockerfile", None), ("x/Dockerfile", f"100644 blob {'1' * 40}\tx/Dockerfile")])
    assert files.containing("Docker") == ["x/Dockerfile"]


def test_folders_are_found_between_names_that_sort_around_them(make: Make) -> None:
    tree = Tree(make(FILES))

    assert [tree.paths[at] for at in range(*tree.span("a"))] == ["a/b.txt"]
    assert sorted(tree.names("")) == sorted({path.split("/")[0] for path in FILES})
    assert tree.is_folder("bin") and not tree.is_folder("a.txt")


def test_bytes_that_are_no_text_do_not_disturb_their_neighbours(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    process.run(["git", "init", "-q", str(folder)], check=True)
    (folder / "binary").write_bytes(b"\xff\xfe\x00\n")
    (folder / "text").write_text("after\n")
    repository = Repository(folder)
    repository.git("add", ".")
    files = GitFiles(repository, repository.git("write-tree").strip())
    files.prepare(["binary", "text"])

    assert files.read("text") == "after\n"


def test_submodules_are_listed_and_have_no_text(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    process.run(["git", "init", "-q", str(folder)], check=True)
    repository = Repository(folder)
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/lib")
    files = GitFiles(repository, repository.git("write-tree").strip())

    assert (files.entry(0).mode, files.entry(0).oid) == ("160000", "1" * 40)
    assert files.read("vendor/lib") is None


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 9\n"
LFS = {
    ".gitattributes": "*.bin filter=lfs -text\n",
    "a.bin": POINTER.format("a" * 64),
    "content.bin": "no pointer",
    "pointer.txt": POINTER.format("a" * 64),
    "sub/b.bin": POINTER.format("b" * 64),
}


def test_files_of_lfs_are_those_with_the_attribute_that_hold_a_pointer(make: Make) -> None:
    assert make(LFS).lfs() == {"a.bin": False, "sub/b.bin": False}


def test_of_lfs_files_those_are_here_whose_content_a_checkout_would_find(tmp_path: Path) -> None:
    files = _from_git(tmp_path / "repository")(LFS)
    store = tmp_path / "repository" / ".git" / "lfs" / "objects" / "bb" / "bb"
    store.mkdir(parents=True)
    (store / ("b" * 64)).write_text("nine char")
    assert files.lfs() == {"a.bin": False, "sub/b.bin": False}  # nobody would look for it

    process.run(["git", "-C", str(tmp_path / "repository"), "config", "filter.lfs.smudge", "cat"], check=True)
    assert files.lfs() == {"a.bin": False, "sub/b.bin": True}


def test_attributes_are_those_of_the_tree_and_of_each_folder(tmp_path: Path) -> None:
    more = {**LFS, "sub/.gitattributes": "b.bin !filter\nc.* filter=lfs\n", "sub/c.dat": POINTER.format("c" * 64)}
    files = _from_git(tmp_path / "repository")(more)
    (tmp_path / "repository" / ".gitattributes").unlink()
    assert files.lfs() == {"a.bin": False, "sub/c.dat": False}


def test_a_configured_lfs_that_is_not_installed_leaves_pointers(tmp_path: Path) -> None:
    _from_git(tmp_path / "repository")(LFS)
    repository = Repository(tmp_path / "repository")
    tree = repository.git("write-tree").strip()
    for key, value in {"process": "git-lfs filter-process", "smudge": "git-lfs smudge", "required": "true"}.items():
        repository.git("config", f"filter.lfs.{key}", value)
    repository.materialise(tree, tmp_path / "out")
    assert (tmp_path / "out" / "a.bin").read_text().startswith("version ")
    assert (tmp_path / "out" / "content.bin").read_text() == "no pointer"
