"""Snapshots, trees and materialised files, on real git."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from windlass.errors import EnvironmentUnusable, UsageError
from windlass.git.repository import EPOCH, Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    root = tmp_path / "checkout"
    root.mkdir()
    run(root, "init", "-q", "-b", "main")
    run(root, "config", "user.email", "dev@example.org")
    run(root, "config", "user.name", "Dev")
    write(root, ".gitignore", "ignored/\n")
    write(root, "a.txt", "one\n")
    write(root, "bin/tool", "#!/bin/sh\n").chmod(0o755)
    (root / "link").symlink_to("a.txt")
    commit(root)
    return Repository(root)


def run(root: Path, *args: str) -> None:
    subprocess.run(["git", *args], cwd=root, check=True, capture_output=True)


def write(root: Path, name: str, text: str) -> Path:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)
    return root / name


def commit(root: Path) -> None:
    run(root, "add", "--all")
    run(root, "commit", "-q", "-m", "change")


class TestSnapshot:
    def test_a_clean_checkout_is_its_commit(self, repository: Repository) -> None:
        source = repository.snapshot()
        assert (source.dirty, source.branch) == (False, "main")
        assert source.tree == repository.snapshot("HEAD").tree
        assert source.sha == source.commit[:7]

    @pytest.mark.parametrize("name", ["a.txt", "new.txt"])
    def test_changed_and_untracked_files_count(self, repository: Repository, name: str) -> None:
        write(repository.root, name, "changed\n")
        source = repository.snapshot()
        assert source.dirty
        assert repository.read(source.tree, name) == "changed\n"
        assert source.sha.startswith(f"{source.commit[:7]}-dirty-")

    def test_ignored_files_do_not(self, repository: Repository) -> None:
        write(repository.root, "ignored/secret", "x")
        assert not repository.snapshot().dirty

    @pytest.mark.parametrize("name", [".env", ".env.local", "services/api/.env"])
    def test_untracked_dotenv_files_are_never_in_it(self, repository: Repository, name: str) -> None:
        write(repository.root, name, "TOKEN=private\n")
        write(repository.root, "new.txt", "x")
        source = repository.snapshot()
        assert repository.read(source.tree, name) is None
        assert repository.read(source.tree, "new.txt") == "x"

    def test_tracked_dotenv_files_are_as_they_are_now(self, repository: Repository) -> None:
        write(repository.root, ".env", "A=1\n")
        commit(repository.root)
        assert not repository.snapshot().dirty
        write(repository.root, ".env", "A=2\n")
        assert repository.read(repository.snapshot().tree, ".env") == "A=2\n"
        (repository.root / ".env").unlink()
        assert repository.read(repository.snapshot().tree, ".env") is None

    def test_the_user_s_index_is_left_alone(self, repository: Repository) -> None:
        write(repository.root, "new.txt", "x")
        repository.snapshot()
        assert "?? new.txt" in repository.git("status", "--porcelain")

    def test_it_starts_anywhere_below_the_top(self, repository: Repository) -> None:
        assert Repository.discover(repository.root / "bin").root == repository.root

    def test_a_detached_head_has_no_branch(self, repository: Repository) -> None:
        run(repository.root, "checkout", "-q", "--detach")
        assert repository.snapshot().branch is None

    def test_a_detached_ci_checkout_takes_the_runner_s_branch(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run(repository.root, "checkout", "-q", "--detach")
        monkeypatch.setenv("GITHUB_REF_TYPE", "branch")
        monkeypatch.setenv("GITHUB_REF_NAME", "develop")
        monkeypatch.setenv("GITHUB_SHA", repository.snapshot().commit)
        assert repository.snapshot().branch == "develop"

    def test_a_named_branch_is_delivered_as_that_branch(self, repository: Repository) -> None:
        run(repository.root, "branch", "develop")
        assert repository.snapshot("develop").branch == "develop"

    def test_an_unknown_commit_is_a_usage_error(self, repository: Repository) -> None:
        with pytest.raises(UsageError, match="no-such"):
            repository.snapshot("no-such")

    @pytest.mark.parametrize("ref", ["--help", "-n", "HEAD:a.txt"])
    def test_words_that_are_no_commit_are_refused(self, repository: Repository, ref: str) -> None:
        with pytest.raises(UsageError):
            repository.snapshot(ref)

    def test_a_place_that_is_no_folder_is_a_usage_error(self, repository: Repository) -> None:
        for name in ("a.txt", "nowhere"):
            with pytest.raises(UsageError, match=name):
                Repository.discover(repository.root / name)

    def test_what_git_cannot_read_is_named_with_a_remedy(self, repository: Repository) -> None:
        (repository.root / "nested").mkdir()
        run(repository.root / "nested", "init", "-q")  # without a commit: git cannot add it
        with pytest.raises(EnvironmentUnusable, match="nested") as caught:
            repository.snapshot()
        assert ".gitignore" in str(caught.value.remedy)

    def test_without_a_repository_there_is_a_remedy(self, tmp_path: Path) -> None:
        with pytest.raises(EnvironmentUnusable) as caught:
            Repository.discover(tmp_path)
        assert "git init" in str(caught.value.remedy)

    def test_without_a_commit_there_is_a_remedy(self, tmp_path: Path) -> None:
        run(tmp_path, "init", "-q")
        with pytest.raises(EnvironmentUnusable, match="no commit yet"):
            Repository(tmp_path).snapshot()


class TestMaterialise:
    def test_files_modes_links_and_nothing_else(self, repository: Repository, tmp_path: Path) -> None:
        write(repository.root, "ignored/x", "x")
        out = tmp_path / "out"
        repository.materialise(repository.snapshot().tree, out)
        assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*")) == [
            ".gitignore", "a.txt", "bin", "bin/tool", "link",
        ]  # fmt: skip
        assert stat.S_IMODE((out / "bin/tool").stat().st_mode) == 0o755
        assert stat.S_IMODE((out / "a.txt").stat().st_mode) == 0o644
        assert (out / "link").readlink() == Path("a.txt")

    def test_the_umask_does_not_matter(self, repository: Repository, tmp_path: Path) -> None:
        before = os.umask(0o077)
        try:
            repository.materialise(repository.snapshot().tree, tmp_path / "out")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "out/a.txt").stat().st_mode) == 0o644
        assert stat.S_IMODE((tmp_path / "out/bin").stat().st_mode) == 0o755

    def test_the_same_tree_has_the_same_times_always(self, repository: Repository, tmp_path: Path) -> None:
        tree = repository.snapshot().tree
        times = []
        for name in ("one", "two"):
            repository.materialise(tree, tmp_path / name)
            times.append({p.relative_to(tmp_path / name): p.lstat().st_mtime for p in (tmp_path / name).rglob("*")})
        assert times[0] == times[1]
        assert (tmp_path / "one/bin").stat().st_mtime == EPOCH

    def test_an_edit_that_keeps_the_size_changes_the_time(self, repository: Repository, tmp_path: Path) -> None:
        repository.materialise(repository.snapshot().tree, tmp_path / "one")
        write(repository.root, "a.txt", "two\n")
        repository.materialise(repository.snapshot().tree, tmp_path / "two")
        assert (tmp_path / "one/a.txt").stat().st_size == (tmp_path / "two/a.txt").stat().st_size
        assert (tmp_path / "one/a.txt").stat().st_mtime != (tmp_path / "two/a.txt").stat().st_mtime

    def test_a_part_of_a_tree(self, repository: Repository, tmp_path: Path) -> None:
        repository.materialise(repository.snapshot().tree, tmp_path / "out", ["bin"])
        assert [p.name for p in (tmp_path / "out").iterdir()] == ["bin"]

    def test_the_user_s_line_end_setting_does_not_reach_an_image(self, repository: Repository, tmp_path: Path) -> None:
        run(repository.root, "config", "core.autocrlf", "true")
        repository.materialise(repository.snapshot("HEAD").tree, tmp_path / "out")
        assert (tmp_path / "out/a.txt").read_bytes() == b"one\n"

    def test_names_with_spaces_quotes_and_newlines(self, repository: Repository, tmp_path: Path) -> None:
        for name in ("with space", 'with "quote"', "with\nnewline", "ümlaut"):
            write(repository.root, name, name)
        repository.materialise(repository.snapshot().tree, tmp_path / "out")
        assert (tmp_path / "out/with\nnewline").read_text() == "with\nnewline"
        assert (tmp_path / "out/ümlaut").exists()

    def test_names_that_are_not_utf_8(self, repository: Repository, tmp_path: Path) -> None:
        name = os.fsdecode(b"latin-\xfc")
        (repository.root / name).write_text("x")
        repository.materialise(repository.snapshot().tree, tmp_path / "out")
        assert (tmp_path / "out" / name).read_text() == "x"


def test_many_objects_are_read_in_one_call(repository: Repository) -> None:
    tree = repository.snapshot().tree
    assert repository.read_many([f"{tree}:a.txt", f"{tree}:none", f"{tree}:bin/tool"]) == ["one\n", None, "#!/bin/sh\n"]
