"""What serves now, and what a rollback goes back to, read from a history."""

from __future__ import annotations

import hashlib

import pytest

from windlass.model.release import Kind, Outcome, Record, Release, ReleasedService
from windlass.state.interface import find_release, running_release, ways_back
from windlass.state.quarantine import quarantined


def release(name: str, commit: str = "c" * 40) -> Release:
    digest = "sha256:" + hashlib.sha256(name.encode()).hexdigest()
    service = ReleasedService("web", "localhost:5077/web", digest, (name,))
    return Release(name, "production", commit, "t" * 40, ("compose.yml",), (service,), "2026-01-01T00:00:00+00:00")


def history(*entries: tuple[str, Outcome, str | None, Kind]) -> tuple[Record, ...]:
    """Records newest first, from (release, outcome, running, kind) given oldest first."""
    records: list[Record] = []
    before: str | None = None
    for name, outcome, running, kind in entries:
        for step, serves in (("deploying", before), (outcome, running)):
            records.append(
                Record(len(records) + 1, release(name), step, "2026-01-01", "dev@host", serves, kind=kind)  # type: ignore[arg-type]
            )
        before = running
    return tuple(reversed(records))


def first_way_back(records: tuple[Record, ...]) -> Release | None:
    return next(iter(ways_back(records)), None)


def serving(name: str) -> tuple[str, Outcome, str | None, Kind]:
    return name, "healthy", name, "deploy"


def named(found: Release | None) -> str | None:
    return found.id if found else None


def test_nothing_serves_without_a_history() -> None:
    assert running_release(()) is None
    assert first_way_back(()) is None


def test_after_a_failure_the_restored_release_serves() -> None:
    records = history(serving("r1"), ("r2", "restored", "r1", "deploy"))
    assert named(running_release(records)) == "r1"


def test_rollback_goes_to_the_release_before() -> None:
    assert named(first_way_back(history(serving("r1"), serving("r2"), serving("r3")))) == "r2"


def test_a_failed_release_is_never_gone_back_to() -> None:
    records = history(serving("r1"), ("r2", "restored", "r1", "deploy"), serving("r3"))
    assert named(first_way_back(records)) == "r1"


def test_a_second_rollback_goes_further_back_not_forth() -> None:
    records = history(serving("r1"), serving("r2"), serving("r3"), ("r2", "healthy", "r2", "rollback"))
    assert named(first_way_back(records)) == "r1"


def test_after_a_rollback_and_a_new_release_the_rolled_back_to_release_is_next() -> None:
    records = history(serving("r1"), serving("r2"), serving("r3"), ("r2", "healthy", "r2", "rollback"), serving("r4"))
    assert named(first_way_back(records)) == "r2"


def test_the_first_release_has_nothing_before_it() -> None:
    assert first_way_back(history(serving("r1"))) is None


def test_a_release_is_found_by_id_tag_or_commit() -> None:
    records = history(serving("main-abc1234"))
    assert named(find_release(records, "main-abc1234")) == "main-abc1234"
    assert named(find_release(records, "c" * 40)) == "main-abc1234"
    assert named(find_release(records, "ccccccc")) == "main-abc1234"
    assert find_release(records, "ccc") is None
    assert find_release(records, "v9") is None


def test_a_commit_of_two_releases_is_ambiguous() -> None:
    assert find_release(history(serving("r1"), serving("r2")), "c" * 40) is None


def test_a_release_that_left_out_what_runs_now_is_passed_over() -> None:
    from dataclasses import replace

    records = list(history(serving("r1"), serving("r2"), serving("r3")))
    partial = [replace(r, release=replace(r.release, excluded=(("web", "its build failed"),))) for r in records[2:4]]
    assert named(first_way_back((*records[:2], *partial, *records[4:]))) == "r1"


def test_after_a_broken_off_deployment_the_way_back_is_to_what_was_to_be_replaced() -> None:
    records = history(serving("r1"), serving("r2"), ("r3", "interrupted", "r2", "deploy"))
    assert named(first_way_back(records)) == "r2"
    assert named(first_way_back(records[1:])) == "r2"


def test_after_a_way_back_that_failed_it_may_go_further() -> None:
    records = history(serving("r1"), serving("r2"), ("r3", "failed", "r2", "deploy"))
    assert [one.id for one in ways_back(records)] == ["r2", "r1"]


def test_where_what_was_gone_back_to_is_not_known_to_have_served_before_there_is_a_way_back() -> None:
    records = history(serving("r1"), serving("r2"), ("r0", "healthy", "r0", "rollback"))
    assert [one.release.id for one in quarantined(records)] == ["r2"]
    assert named(first_way_back(records)) == "r1"


@pytest.mark.parametrize("outcome", ["interrupted", "deploying"])
def test_a_rollback_that_was_broken_off_goes_on_when_it_is_asked_for_again(outcome: Outcome) -> None:
    records = history(serving("r1"), serving("r2"), ("r1", outcome, "r2", "rollback"))
    assert named(first_way_back(records)) == "r1"


def test_of_a_commit_s_releases_the_one_without_uncommitted_changes_is_meant() -> None:
    records = history(serving("main-ccccccc-dirty-1234567"), serving("main-ccccccc"))
    assert named(find_release(records, "ccccccc")) == "main-ccccccc"


def test_after_a_way_forth_again_the_way_back_is_open() -> None:
    back_and_forth: tuple[tuple[str, Outcome, str | None, Kind], ...] = (
        ("r1", "healthy", "r1", "rollback"),
        ("r2", "healthy", "r2", "rollback"),
    )
    records = history(serving("r1"), serving("r2"), *back_and_forth)
    assert named(first_way_back(records)) == "r1"
    assert quarantined(records) == ()
    assert named(first_way_back(history(serving("r1"), serving("r2"), *back_and_forth, serving("r3")))) == "r2"


def test_who_goes_back_twice_leaves_both_in_quarantine() -> None:
    back: tuple[tuple[str, Outcome, str | None, Kind], ...] = (
        ("r2", "healthy", "r2", "rollback"),
        ("r1", "healthy", "r1", "rollback"),
    )
    records = history(serving("r1"), serving("r2"), serving("r3"), *back)
    assert sorted(one.release.id for one in quarantined(records)) == ["r2", "r3"]
