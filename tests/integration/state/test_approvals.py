"""Approvals, in memory and in git, with a remote and without."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from windlass.errors import EnvironmentUnusable, UsageError, WindlassError
from windlass.git.refs import Refs
from windlass.git.repository import Repository, TreeEntry
from windlass.model.release import Release, ReleasedService
from windlass.model.rules import Person
from windlass.state.approvals import GitApprovals, ref_name
from windlass.state.environments import histories, waiting
from windlass.state.git_ref import GitState
from windlass.state.interface import Approvals
from windlass.testing.state import FakeApprovals

ADA = Person("Ada L", "ada@example.org")
Be = Callable[[Person], None]


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    root = tmp_path / "checkout"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    for key, value in (("user.name", ADA.name), ("user.email", ADA.email)):
        git(root, "config", key, value)
    (root / "a.txt").write_text("one\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "start\n\nCo-Authored-By: Bob B <bob@example.org>")
    return Repository(root)


@pytest.fixture
def release(repository: Repository) -> Release:
    source = repository.snapshot("HEAD")
    service = ReleasedService("web", "localhost:5077/web", "sha256:" + "a" * 64, ("main-abc1234",))
    return Release(
        "main-abc1234",
        "production",
        source.commit,
        source.tree,
        ("compose.yml",),
        (service,),
        "2026-01-01T00:00:00+00:00",
    )


@pytest.fixture(params=["fake", "git", "git with a remote"])
def approvals(request: pytest.FixtureRequest, repository: Repository, tmp_path: Path) -> Approvals:
    if request.param == "fake":
        fake = FakeApprovals()
        fake.person = ADA
        fake.people[repository.snapshot("HEAD").commit] = (ADA, Person("Bob B", "bob@example.org"))
        return fake
    if "remote" not in request.param:
        return GitApprovals(repository, None)
    git(tmp_path, "init", "-q", "--bare", "origin.git")
    git(repository.root, "remote", "add", "origin", str(tmp_path / "origin.git"))
    return GitApprovals(repository, "origin")


def test_in_the_beginning_there_are_none(approvals: Approvals) -> None:
    assert approvals.entries("production") == ()


def test_a_proposal_and_an_approval_come_back_newest_first(approvals: Approvals, release: Release) -> None:
    approvals.propose(release)
    given = approvals.approve(release)

    newest, proposal = approvals.entries("production")
    assert (newest, newest.release, newest.by, newest.proposed) == (given, release, ADA, False)
    assert (proposal.release, proposal.proposed) == (release, True)
    assert newest.at >= proposal.at
    assert approvals.entries("staging") == ()


def test_a_word_that_is_taken_back_stays_in_the_list_as_such(approvals: Approvals, release: Release) -> None:
    approvals.propose(release)
    approvals.approve(release)
    taken = approvals.withdraw(release)
    entries = approvals.entries("production")
    assert [(one.proposed, one.withdrawn) for one in entries] == [(False, True), (False, False), (True, False)]
    assert entries[0] == taken and taken.by == ADA


def test_a_commit_s_authors_are_those_it_names(approvals: Approvals, release: Release) -> None:
    assert approvals.authors(release.commit) == (ADA, Person("Bob B", "bob@example.org"))
    assert approvals.authors("0" * 40) == ()


def test_who_is_nobody_cannot_approve(
    repository: Repository, release: Release, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    git(repository.root, "config", "--unset", "user.email")
    with pytest.raises(UsageError, match="does not know who you are"):
        GitApprovals(repository, None).approve(release)


def test_what_others_write_meanwhile_stays(tmp_path: Path, repository: Repository, release: Release) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(repository.root), "shared.git")
    clones = []
    for name in ("one", "two", "three"):
        git(tmp_path, "clone", "-q", "shared.git", name)
        for key, value in (("user.name", name), ("user.email", f"{name}@example.org")):
            git(tmp_path / name, "config", key, value)
        clones.append(GitApprovals(Repository(tmp_path / name), "origin"))
    clones[0].propose(release)
    threads = [threading.Thread(target=clone.approve, args=(release,)) for clone in clones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.by.name for one in clones[0].entries("production") if not one.proposed} == {"one", "two", "three"}


def test_a_proposed_release_can_be_fetched_whole(tmp_path: Path, repository: Repository, release: Release) -> None:
    git(tmp_path, "init", "-q", "--bare", "origin.git")
    git(repository.root, "remote", "add", "origin", str(tmp_path / "origin.git"))
    (repository.root / "b.txt").write_text("not committed\n")
    tree = repository.snapshot().tree
    GitApprovals(repository, "origin").propose(replace(release, tree=tree))
    git(tmp_path, "clone", "-q", "origin.git", "elsewhere")
    elsewhere = Repository(tmp_path / "elsewhere")
    assert GitApprovals(elsewhere, "origin").entries("production")[0].release.tree == tree
    assert elsewhere.read(tree, "b.txt") == "not committed\n"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "approval", "release": {"id": 1}}'])
def test_a_damaged_entry_is_named(repository: Repository, text: str) -> None:
    blob = repository.write_blob(text)
    tree = repository.write_tree([TreeEntry("100644", "blob", blob, "approval.json")])
    Refs(repository).compare_and_swap(ref_name("production"), repository.write_commit(tree, None, "x"), None)
    with pytest.raises(WindlassError, match="refs/heads/windlass/approvals/production"):
        GitApprovals(repository, None).entries("production")


@pytest.mark.parametrize("remote", [None, "origin"])
def test_what_waits_is_known_of_every_environment_until_it_was_healthy_or_failed(
    repository: Repository, release: Release, remote: str | None, tmp_path: Path
) -> None:
    if remote is not None:
        git(tmp_path, "init", "-q", "--bare", "origin.git")
        git(repository.root, "remote", "add", "origin", str(tmp_path / "origin.git"))
    assert waiting(repository, remote, histories(repository, remote)) == {}
    approvals, state = GitApprovals(repository, remote), GitState(repository, remote)
    other = replace(release, id="main-def5678", services=(replace(release.services[0], digest="sha256:" + "b" * 64),))
    elsewhere = replace(release, environment="eu-west")
    for one in (release, other, release, elsewhere):
        approvals.propose(one)
    approvals.approve(other)

    def now() -> dict[str, tuple[Release, ...]]:
        return waiting(repository, remote, histories(repository, remote))

    assert now() == {"production": (release, other), "eu-west": (elsewhere,)}
    admitted = state.admit(release, "deploy", None)
    state.settle(admitted, "healthy", running=release.id, reason="", evidence=None)
    assert now() == {"production": (other,), "eu-west": (elsewhere,)}
    admitted = state.admit(other, "deploy", release.id)
    state.settle(admitted, "restored", running=release.id, reason="500", evidence=None, blamed=True)
    assert now() == {"eu-west": (elsewhere,)}


def test_a_proposal_that_cannot_be_read_stops_who_deletes(repository: Repository, release: Release) -> None:
    blob = repository.write_blob("{}")
    tree = repository.write_tree([TreeEntry("100644", "blob", blob, "approval.json")])
    Refs(repository).compare_and_swap(ref_name("production"), repository.write_commit(tree, None, "broken"), None)
    with pytest.raises(EnvironmentUnusable, match="what waits on production cannot be known"):
        waiting(repository, None, {})
