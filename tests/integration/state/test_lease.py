"""One deployer at a time, from clones that share a remote: races, renewals, take-overs."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from windlass.errors import EnvironmentUnusable, Held, Locked, WindlassError
from windlass.git.refs import Refs
from windlass.git.repository import Repository
from windlass.model.release import Record, Release, ReleasedService
from windlass.state import lease
from windlass.state.git_ref import GitState, ref_name
from windlass.state.quarantine import quarantined
from windlass.waiting import wait_for

ROUNDS = 20
T = TypeVar("T")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def clones(tmp_path: Path) -> list[Repository]:
    first = tmp_path / "one"
    first.mkdir()
    git(first, "init", "-q", "-b", "main")
    for key, value in (("user.email", "dev@example.org"), ("user.name", "Dev")):
        git(first, "config", key, value)
    (first / "a.txt").write_text("one\n")
    git(first, "add", "-A")
    git(first, "commit", "-qm", "start")
    git(tmp_path, "clone", "-q", "--bare", str(first), "shared.git")
    git(first, "remote", "add", "origin", str(tmp_path / "shared.git"))
    git(tmp_path, "clone", "-q", str(tmp_path / "shared.git"), "two")
    return [Repository(first), Repository(tmp_path / "two")]


def release_of(repository: Repository, name: str = "r1") -> Release:
    source = repository.snapshot("HEAD")
    service = ReleasedService("web", "localhost:5077/web", "sha256:" + "a" * 64, (name,))
    return Release(
        name, "production", source.commit, source.tree, ("compose.yml",), (service,), "2026-01-01T00:00:00+00:00"
    )


def settle(state: GitState, admitted: Record) -> None:
    state.settle(admitted, "healthy", running=admitted.release.id, reason="", evidence=None)


def test_who_is_interrupted_while_the_record_goes_out_holds_nothing(
    clones: list[Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = (GitState(clone, "origin") for clone in clones)
    settle(one, one.admit(release_of(clones[0]), "deploy", None))
    swap = Refs.compare_and_swap

    def interrupted(self: Refs, *words: Any) -> None:
        monkeypatch.setattr(Refs, "compare_and_swap", swap)
        swap(self, *words)
        raise KeyboardInterrupt

    monkeypatch.setattr(Refs, "compare_and_swap", interrupted)
    with pytest.raises(KeyboardInterrupt):
        one.admit(release_of(clones[0], "r2"), "deploy", "r1")
    left = two.records("production")[0]
    assert (left.outcome, left.running) == ("interrupted", "r1")
    two.admit(release_of(clones[1], "r3"), "deploy", "r1")


def at_once(*works: Callable[[], T]) -> list[T | WindlassError]:
    barrier = threading.Barrier(len(works))
    answers: list[T | WindlassError | None] = [None] * len(works)

    def go(number: int, work: Callable[[], T]) -> None:
        barrier.wait()
        try:
            answers[number] = work()
        except WindlassError as error:
            answers[number] = error

    threads = [threading.Thread(target=go, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answer for answer in answers if answer is not None]


def test_of_two_that_start_together_one_is_admitted_and_the_other_told_by_whom(clones: list[Repository]) -> None:
    states = [GitState(clone, "origin") for clone in clones]
    releases = [release_of(clone, f"r{number}") for number, clone in enumerate(clones)]
    numbers = []
    for _ in range(ROUNDS):
        answers = at_once(
            lambda: states[0].admit(releases[0], "deploy", None), lambda: states[1].admit(releases[1], "deploy", None)
        )
        admitted = [answer for answer in answers if isinstance(answer, Record)]
        refused = [answer for answer in answers if isinstance(answer, WindlassError)]
        assert len(admitted) == 1, answers
        assert isinstance(refused[0], Held), refused
        settle(states[answers.index(admitted[0])], admitted[0])
        numbers.append(admitted[0].sequence)
    assert numbers == sorted(set(numbers))


def test_of_two_in_one_clone_one_is_admitted(clones: list[Repository]) -> None:
    states = [GitState(clones[0], "origin") for _ in range(2)]
    release = release_of(clones[0])
    for _ in range(10):
        answers = at_once(*(lambda state=state: state.admit(release, "deploy", None) for state in states))
        admitted = [answer for answer in answers if isinstance(answer, Record)]
        assert len(admitted) == 1, answers
        settle(states[answers.index(admitted[0])], admitted[0])


_DEPLOYER = """
import sys
from pathlib import Path
from tests.integration.state.test_lease import release_of
from windlass.errors import Held
from windlass.git.repository import Repository
from windlass.state.git_ref import GitState
repository = Repository(Path(sys.argv[1]))
state = GitState(repository, "origin")
try:
    admitted = state.admit(release_of(repository), "deploy", None)
except Held:
    sys.exit(6)
print("in", flush=True)
sys.stdin.readline()
state.settle(admitted, "healthy", running="r1", reason="", evidence=None)
"""


def test_of_two_processes_one_is_admitted(clones: list[Repository]) -> None:
    for _ in range(3):
        deployers = [
            subprocess.Popen(
                [sys.executable, "-c", _DEPLOYER, str(clone.root)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parents[3],
            )
            for clone in clones
        ]
        said = [deployer.stdout.readline() for deployer in deployers if deployer.stdout]  # "in", or the end
        codes = [deployer.communicate("\n") and deployer.returncode for deployer in deployers]
        assert sorted(said) == ["", "in\n"]
        assert sorted(codes) == [0, 6]


def test_who_was_killed_blocks_nobody_on_the_same_machine(clones: list[Repository]) -> None:
    deployer = subprocess.Popen(
        [sys.executable, "-c", _DEPLOYER, str(clones[0].root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert deployer.stdout is not None
    assert deployer.stdout.readline() == "in\n"
    state = GitState(clones[1], "origin")
    with pytest.raises(Held):
        state.refuse_if_held("production")
    deployer.kill()
    deployer.communicate()
    settle(state, state.admit(release_of(clones[1]), "deploy", None))


def test_a_lease_is_renewed_while_its_holder_works_and_history_shows_one_entry(clones: list[Repository]) -> None:
    time = [datetime(2026, 1, 1, tzinfo=UTC)]
    state = GitState(clones[0], "origin", now=lambda: time[0], beat=0.01)
    admitted = state.admit(release_of(clones[0]), "deploy", None)
    time[0] += timedelta(minutes=4)
    watcher = GitState(clones[1], "origin", now=lambda: time[0])
    longer = (time[0] + lease.LEASE).isoformat(timespec="seconds")
    newest = wait_for(
        lambda: watcher.records("production")[0],
        lambda record: record.lease is not None and record.lease.expires == longer,
        seconds=60,
    )
    assert newest.sequence == admitted.sequence
    assert len(watcher.records("production")) == 1
    settle(state, admitted)
    assert [record.outcome for record in watcher.records("production")] == ["healthy", "deploying"]
    ended = git(clones[0].root, "rev-parse", ref_name("production"))
    assert git(clones[0].root, "rev-parse", f"refs/windlass/seen/origin/{ref_name('production')[11:]}") == ended


def test_many_renewals_push_no_older_release_and_no_quarantine_out_of_sight(clones: list[Repository]) -> None:
    state = GitState(clones[0], None, beat=0.01)
    bad = state.admit(replace(release_of(clones[0], "bad"), compose=("bad.yml",)), "deploy", None)
    state.settle(bad, "failed", running=None, reason="it never got ready", evidence=None, blamed=True)
    admitted = state.admit(release_of(clones[0]), "deploy", None)
    commits = Refs(clones[0])
    wait_for(lambda: len(commits.history(ref_name("production"), 100)), lambda count: count > 8, seconds=60)
    assert [record.outcome for record in state.records("production", 3)] == ["deploying", "failed", "deploying"]
    settle(state, admitted)
    known = state.records("production", 4)
    assert [record.outcome for record in known] == ["healthy", "deploying", "failed", "deploying"]
    assert [one.release.id for one in quarantined(known)] == ["bad"]


def test_who_was_taken_over_renews_no_more_and_cannot_settle(
    clones: list[Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    late = GitState(clones[0], "origin", beat=0.05)
    monkeypatch.setattr(lease, "take", _elsewhere(lease.take))
    admitted = late.admit(release_of(clones[0]), "deploy", None)
    monkeypatch.undo()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    quick = GitState(clones[1], "origin", now=lambda: tomorrow)
    taken = wait_for(lambda: _attempt(quick, clones[1]), bool, seconds=60)
    assert taken is not None and taken.sequence > admitted.sequence
    with pytest.raises(Locked, match="taken over"):
        late.settle(admitted, "healthy", running="r1", reason="", evidence=None)
    newest = quick.records("production")[0]
    assert (newest.sequence, newest.outcome) == (taken.sequence, "deploying")
    settle(quick, taken)


class Sleeper:
    """A clock that can be put forward, as a machine's is that was asleep."""

    slept = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.slept


def test_who_was_asleep_and_taken_over_is_told_before_it_goes_on(
    clones: list[Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Sleeper()
    late, quick = GitState(clones[0], "origin", now=clock, beat=3600), GitState(clones[1], "origin", now=clock)
    monkeypatch.setattr(lease, "take", _elsewhere(lease.take))
    admitted = late.admit(release_of(clones[0]), "deploy", None)
    monkeypatch.undo()
    late.assure(admitted)
    clock.slept = lease.LEASE
    taken = quick.admit(release_of(clones[1], "r2"), "deploy", None)
    for _ in range(2):
        with pytest.raises(Locked):
            late.assure(admitted)
    settle(quick, taken)


def test_who_was_asleep_and_not_missed_holds_it_again(clones: list[Repository]) -> None:
    clock = Sleeper()
    state, other = GitState(clones[0], "origin", now=clock, beat=3600), GitState(clones[1], "origin", now=clock)
    admitted = state.admit(release_of(clones[0]), "deploy", None)
    clock.slept = lease.LEASE
    state.assure(admitted)
    with pytest.raises(Held):
        other.admit(release_of(clones[1], "r2"), "deploy", None)
    settle(state, admitted)


def test_whether_anybody_took_over_while_the_remote_is_away_is_not_guessed(
    clones: list[Repository], tmp_path: Path
) -> None:
    clock = Sleeper()
    state = GitState(clones[0], "origin", now=clock, beat=3600, patience=0)
    admitted = state.admit(release_of(clones[0]), "deploy", None)
    (tmp_path / "shared.git").rename(tmp_path / "away.git")
    state.assure(admitted)
    clock.slept = lease.LEASE
    with pytest.raises(EnvironmentUnusable):
        state.assure(admitted)


def test_what_another_process_of_the_clone_has_seen_is_not_written_over(clones: list[Repository]) -> None:
    release = release_of(clones[0])
    state = GitState(clones[0], "origin")
    settle(state, state.admit(release, "deploy", None))
    head = Refs(clones[0]).ref(ref_name("production"))
    other = GitState(clones[1], "origin")
    taken = other.admit(release_of(clones[1]), "deploy", None)
    state.records("production")  # such as a windlass status in another terminal
    late = clones[0].write_commit(release.tree, head, "late")
    with pytest.raises(Locked):
        Refs(clones[0]).compare_and_swap(ref_name("production"), late, head, "origin")
    settle(other, taken)


def test_a_remote_that_is_away_for_a_moment_is_waited_for(clones: list[Repository], tmp_path: Path) -> None:
    state = GitState(clones[0], "origin")
    admitted = state.admit(release_of(clones[0]), "deploy", None)
    shared = tmp_path / "shared.git"
    shared.rename(tmp_path / "away.git")
    back = threading.Timer(0.5, lambda: (tmp_path / "away.git").rename(shared))
    back.start()
    settle(state, admitted)
    back.join()
    assert GitState(clones[1], "origin").records("production")[0].outcome == "healthy"


def test_what_went_out_without_an_answer_is_not_taken_for_somebody_else_s(
    clones: list[Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    state = GitState(clones[0], "origin")
    admitted = state.admit(release_of(clones[0]), "deploy", None)
    real, lost = Refs.compare_and_swap, [True]

    def swap(refs: Refs, *words: Any) -> None:
        real(refs, *words)
        if lost.pop() if lost else False:
            raise EnvironmentUnusable("the connection broke")

    monkeypatch.setattr(Refs, "compare_and_swap", swap)
    settle(state, admitted)
    assert [record.outcome for record in GitState(clones[1], "origin").records("production")] == [
        "healthy",
        "deploying",
    ]


def test_a_remote_that_stays_away_is_said(clones: list[Repository], tmp_path: Path) -> None:
    state = GitState(clones[0], "origin", patience=0)
    admitted = state.admit(release_of(clones[0]), "deploy", None)
    (tmp_path / "shared.git").rename(tmp_path / "away.git")
    with pytest.raises(EnvironmentUnusable):
        settle(state, admitted)


def _attempt(state: GitState, repository: Repository) -> Record | None:
    try:
        return state.admit(release_of(repository, "r2"), "deploy", None)
    except Held:  # a renewal came between
        return None


def _elsewhere(take: Callable[[datetime], object]) -> Callable[[datetime], object]:
    from dataclasses import replace

    return lambda now: replace(take(now), machine="another-boot/1")  # type: ignore[type-var]
