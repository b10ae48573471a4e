"""Which environment needs which image."""

from __future__ import annotations

from windlass.model.release import Outcome, Record, Release, ReleasedService
from windlass.registry.manage.uses import Use, uses, with_containers


def record(release: str, outcome: Outcome = "healthy", running: str | None = None) -> Record:
    service = ReleasedService("app", "registry.test/app", f"sha256:{release}")
    made = Release(release, "production", "c" * 40, "t" * 40, ("compose.yml",), (service,), "2026-01-31T14:05:00+00:00")
    return Record(1, made, outcome, "2026-01-31T14:05:00+00:00", "somebody", running or release)


def needs(*newest_first: Record, rollback: int = 2) -> dict[str, str]:
    found = uses({"production": newest_first}, rollback)
    return {digest.removeprefix("sha256:"): by[0].need for digest, by in found.items()}


def test_what_serves_and_the_last_healthy_releases_are_needed() -> None:
    assert needs(record("d"), record("c"), record("b"), record("a")) == {"d": "runs", "c": "rollback"}
    assert needs(record("d"), record("c"), record("b"), record("a"), rollback=3) == {
        "d": "runs",
        "c": "rollback",
        "b": "rollback",
    }


def test_a_release_that_did_not_stay_is_not_in_the_window() -> None:
    history = (record("c", "restored", "b"), record("b"), record("a"))
    assert needs(*history) == {"b": "runs", "a": "rollback"}


def test_what_may_be_half_there_is_needed() -> None:
    outcomes: tuple[Outcome, ...] = ("deploying", "interrupted", "failed")
    for outcome in outcomes:
        assert needs(record("b", outcome, "a"), record("a")) == {"a": "runs", "b": "deploying"}


def test_what_serves_is_needed_however_old_it_is() -> None:
    history = [record(name, "restored", "a") for name in "zyxwv"]
    assert needs(*history, record("a"), rollback=1) == {"a": "runs"}


def test_a_release_that_was_deployed_twice_counts_once() -> None:
    assert needs(record("b"), record("a"), record("b"), record("a"), record("0")) == {"b": "runs", "a": "rollback"}


def test_several_environments_are_all_named_the_running_first() -> None:
    found = uses({"production": (record("b"), record("a")), "staging": (record("a"),), "empty": ()}, 5)
    image = "registry.test/app"
    assert found["sha256:a"] == (Use("staging", "a", "runs", image), Use("production", "a", "rollback", image))
    assert [use.words for use in found["sha256:a"]] == ["runs in staging", "production may roll back to it"]


def test_where_nothing_was_deployed_nothing_is_needed() -> None:
    assert uses({}, 5) == {}


def test_containers_count_where_nobody_else_is_known() -> None:
    known = uses({"production": (record("a"),)}, 5)
    found = with_containers(known, ["sha256:a", "sha256:z"])
    assert found["sha256:a"] == known["sha256:a"]
    assert [use.words for use in found["sha256:z"]] == ["a container on this machine is made from it"]


def test_a_container_on_another_engine_is_told_from_one_here() -> None:
    found = with_containers({}, ["sha256:a"], ["sha256:a", "sha256:b"])
    assert [use.words for use in found["sha256:a"]] == ["a container on this machine is made from it"]
    assert [use.words for use in found["sha256:b"]] == ["a container on an environment's engine is made from it"]
