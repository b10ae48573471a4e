"""Every State driver keeps history, lets one deployer in at a time, and refuses the late one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from windlass.errors import EnvironmentUnusable, Locked, Overtaken
from windlass.git.refs import Refs
from windlass.git.repository import Repository
from windlass.model.release import Lease, Release, ReleasedService
from windlass.state.git_ref import GitState, ref_name
from windlass.state.interface import State
from windlass.testing.state import FakeState

ELSEWHERE = "another-host"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return make_repository(tmp_path / "checkout")


def make_repository(folder: Path) -> Repository:
    folder.mkdir()
    for command in (
        ["init", "-q", "-b", "main"],
        ["config", "user.email", "dev@example.org"],
        ["config", "user.name", "Dev"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    (folder / "a.txt").write_text("one\n")
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    subprocess.run(["git", "commit", "-qm", "start"], cwd=folder, check=True)
    return Repository(folder)


@pytest.fixture(params=["fake", "git", "git with a remote"])
def state(request: pytest.FixtureRequest, repository: Repository, tmp_path: Path) -> Iterator[State]:
    if request.param == "fake":
        yield FakeState()
        return
    remote = None
    if "remote" in request.param:
        subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "origin.git")], check=True)
        subprocess.run(
            ["git", "remote", "add", "origin", str(tmp_path / "origin.git")], cwd=repository.root, check=True
        )
        remote = "origin"
    yield GitState(repository, remote)


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


def test_an_environment_without_history_is_empty(state: State) -> None:
    assert state.records("production") == ()


def test_a_record_comes_back_as_it_was_written(state: State, release: Release) -> None:
    admitted = state.admit(release, "deploy", None)
    assert admitted.outcome == "deploying"
    settled = state.settle(admitted, "healthy", running=release.id, reason="", evidence=None)
    assert state.records("production") == (settled, admitted)
    assert settled.release == release
    assert settled.lease is None


def test_environments_that_nobody_declares_any_more_are_known(state: State, release: Release) -> None:
    for name in ("production", "old place"):
        place = replace(release, environment=name)
        state.settle(state.admit(place, "deploy", None), "healthy", running=release.id, reason="", evidence=None)
    assert state.others(["production", "staging"]) == ("old place",)
    assert state.others(["production", "old place"]) == ()


def growth(state: State) -> list[int]:
    """The places of records in the order of their numbers, newest first."""
    numbers = [record.sequence for record in state.records("production")]
    assert len(set(numbers)) == len(numbers)
    return [sorted(numbers).index(number) for number in numbers]


def test_sequences_grow(state: State, release: Release) -> None:
    for _ in range(2):
        state.settle(state.admit(release, "deploy", None), "healthy", running=release.id, reason="", evidence=None)
    assert growth(state) == [3, 2, 1, 0]


def test_a_held_environment_names_its_holder(state: State, release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    _held_elsewhere(monkeypatch)
    state.admit(release, "deploy", None)
    monkeypatch.undo()
    with pytest.raises(Locked) as caught:
        state.admit(release, "deploy", None)
    assert "is being changed by" in str(caught.value)
    assert "since" in str(caught.value)


def test_a_holder_that_died_on_this_host_does_not_block(
    state: State, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    monkeypatch.setattr("os.getpid", lambda: gone.pid)
    first = state.admit(release, "deploy", None)
    monkeypatch.undo()
    assert state.admit(release, "deploy", None).sequence > first.sequence


def test_who_was_taken_over_cannot_settle(state: State, release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    monkeypatch.setattr("os.getpid", lambda: gone.pid)
    late = state.admit(release, "deploy", None)
    monkeypatch.undo()
    state.admit(release, "deploy", None)
    with pytest.raises(Locked):
        state.settle(late, "healthy", running=release.id, reason="", evidence=None)


def test_a_history_that_was_put_back_goes_on_above_what_was_deployed_meanwhile(
    repository: Repository, release: Release
) -> None:
    state = GitState(repository, None)
    state.settle(state.admit(release, "deploy", None), "healthy", running=release.id, reason="", evidence=None)
    older = Refs(repository).ref(ref_name("production"))
    for _ in range(5):
        last = state.settle(
            state.admit(release, "deploy", None), "healthy", running=release.id, reason="", evidence=None
        )
    repository.git("update-ref", ref_name("production"), str(older))
    assert state.admit(release, "deploy", None).sequence > last.sequence


def test_a_decision_on_a_history_that_went_on_is_out_of_date(state: State, release: Release) -> None:
    assert state.records("production") == ()
    state.settle(
        state.admit(release, "deploy", None, decided_on=()), "healthy", running=release.id, reason="", evidence=None
    )
    with pytest.raises(Overtaken, match="went on meanwhile"):
        state.admit(release, "deploy", None, decided_on=())
    seen = state.records("production")
    admitted = state.admit(release, "deploy", None, decided_on=seen)
    state.assure(admitted)
    state.settle(admitted, "healthy", running=release.id, reason="", evidence=None)
    with pytest.raises(Overtaken):
        state.admit(release, "deploy", None, decided_on=seen)


def _held_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def take(now: datetime) -> Lease:
        return Lease(ELSEWHERE, 1, (now + timedelta(minutes=5)).isoformat())

    monkeypatch.setattr("windlass.state.lease.take", take)


def test_of_two_clones_one_wins(tmp_path: Path, release: Release, repository: Repository) -> None:
    origin = tmp_path / "shared.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(repository.root), str(origin)], check=True)
    clones = []
    for name in ("one", "two"):
        subprocess.run(["git", "clone", "-q", str(origin), str(tmp_path / name)], check=True)
        clones.append(GitState(Repository(tmp_path / name), "origin"))
    first, second = clones
    first.settle(first.admit(release, "deploy", None), "healthy", running=release.id, reason="", evidence=None)
    assert second.records("production")[0].outcome == "healthy"
    first.admit(release, "deploy", None)
    with pytest.raises(Locked):
        # The second clone believes nobody holds it (as in a race): the push itself is refused.
        second_repository = Repository(tmp_path / "two")
        commit = second_repository.write_commit(release.tree, None, "late")
        Refs(second_repository).compare_and_swap(ref_name("production"), commit, None, "origin")


def test_a_history_that_began_here_goes_to_the_remote_when_one_is_configured(
    tmp_path: Path, repository: Repository, release: Release
) -> None:
    local = GitState(repository, None)
    local.settle(local.admit(release, "deploy", None), "healthy", running=release.id, reason="", evidence=None)
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "late.git")], check=True)
    subprocess.run(["git", "remote", "add", "late", str(tmp_path / "late.git")], cwd=repository.root, check=True)
    shared = GitState(repository, "late")
    assert growth(shared) == [1, 0]
    shared.admit(release, "deploy", release.id)
    assert growth(shared) == [2, 1, 0]
    subprocess.run(["git", "clone", "-q", str(tmp_path / "late.git"), str(tmp_path / "elsewhere")], check=True)
    elsewhere = GitState(Repository(tmp_path / "elsewhere"), "origin")
    assert growth(elsewhere) == [2, 1, 0]


def test_while_the_remote_is_away_the_last_known_history_is_shown_and_nothing_changes(
    tmp_path: Path, repository: Repository, release: Release
) -> None:
    origin = tmp_path / "origin.git"
    subprocess.run(["git", "init", "-q", "--bare", str(origin)], check=True)
    subprocess.run(["git", "remote", "add", "origin", str(origin)], cwd=repository.root, check=True)
    state = GitState(repository, "origin")
    state.settle(state.admit(release, "deploy", None), "healthy", running=release.id, reason="", evidence=None)
    origin.rename(tmp_path / "gone.git")
    assert state.records("production")[0].outcome == "healthy"
    assert "origin" in str(state.stale)
    with pytest.raises(EnvironmentUnusable):
        state.admit(release, "deploy", release.id)


def test_a_lease_from_elsewhere_ends_by_itself(
    repository: Repository, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [datetime(2026, 1, 1, tzinfo=UTC)]
    state = GitState(repository, None, now=lambda: clock[0])
    _held_elsewhere(monkeypatch)
    first = state.admit(release, "deploy", None)
    with pytest.raises(Locked):
        state.admit(release, "deploy", None)
    clock[0] += timedelta(minutes=6)
    assert state.admit(release, "deploy", None).sequence > first.sequence


def test_a_history_that_begins_anew_begins_above_the_one_that_was_lost(
    repository: Repository, release: Release
) -> None:
    clock = [datetime(2026, 1, 1, tzinfo=UTC)]
    state = GitState(repository, None, now=lambda: clock[0])
    lost = state.settle(state.admit(release, "deploy", None), "failed", running=None, reason="", evidence=None)
    repository.git("update-ref", "-d", ref_name("production"))
    clock[0] += timedelta(seconds=1)
    assert state.records("production") == ()
    assert state.admit(release, "deploy", None).sequence > lost.sequence


def test_a_remote_that_refuses_is_not_taken_for_another_deployment(
    tmp_path: Path, repository: Repository, release: Release
) -> None:
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "strict.git")], check=True)
    hook = tmp_path / "strict.git/hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho protected\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(EnvironmentUnusable, match="pre-receive hook declined"):
        GitState(repository, str(tmp_path / "strict.git")).admit(release, "deploy", None)


def test_a_remote_that_is_gone_is_named_with_git_s_reason(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentUnusable, match="does not appear to be a git repository"):
        GitState(repository, str(tmp_path / "gone.git")).records("production")


def test_a_repository_that_cannot_be_written_is_not_taken_for_another_deployment(repository: Repository) -> None:
    commit = repository.snapshot().commit
    repository.git("update-ref", "refs/heads/windlass", commit)  # in the way of refs/heads/windlass/env/…
    with pytest.raises(EnvironmentUnusable, match="cannot write"):
        Refs(repository).compare_and_swap(ref_name("production"), commit, None)


def test_the_ref_keeps_the_release_s_tree_alive(repository: Repository, release: Release) -> None:
    dirty = repository.root / "b.txt"
    dirty.write_text("uncommitted\n")
    tree = repository.snapshot().tree
    state = GitState(repository, None)
    state.admit(replace(release, tree=tree), "deploy", None)
    subprocess.run(["git", "gc", "-q", "--prune=now"], cwd=repository.root, check=True)
    assert repository.read(tree, "b.txt") == "uncommitted\n"


def test_a_damaged_record_is_named(repository: Repository) -> None:
    from windlass.errors import WindlassError

    blob = repository.write_blob("{}")
    from windlass.git.repository import TreeEntry

    commit = repository.write_commit(
        repository.write_tree([TreeEntry("100644", "blob", blob, "record.json")]), None, "x"
    )
    Refs(repository).compare_and_swap(ref_name("production"), commit, None)
    with pytest.raises(WindlassError, match="refs/heads/windlass/env/production"):
        GitState(repository, None).records("production")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_the_environment_s_trouble_and_the_state_is_as_before(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        repository = make_repository(disk / "checkout")
        source = repository.snapshot("HEAD")
        release = Release("r1", "production", source.commit, source.tree, ("compose.yml",), (), "2026-01-01")
        state = GitState(repository, None, patience=0.0)
        admitted = state.admit(release, "deploy", None)
        room = os.statvfs(disk)
        (disk / "ballast").write_bytes(b"x" * (room.f_bavail * room.f_frsize))
        with pytest.raises(EnvironmentUnusable, match="the disk is full: the record of r1") as refusal:
            state.settle(admitted, "healthy", running="r1", reason="", evidence=None)
        assert "make room" in str(refusal.value.remedy)
        (disk / "ballast").unlink()
        assert state.records("production")[0] == admitted
        assert state.settle(admitted, "healthy", running="r1", reason="", evidence=None).outcome == "healthy"
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
