"""What environments need, from their histories."""

from __future__ import annotations

import pytest

from windlass.errors import EnvironmentUnusable, ExitCode
from windlass.model.release import Outcome, Record, Release, ReleasedService
from windlass.registry.retention.here import parse_images
from windlass.registry.retention.protected import protect

HOST = "registry.test"


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def release(number: int, host: str = HOST) -> Release:
    service = ReleasedService("api", f"{host}/team/api", digest(number), (f"main-{number:07x}",))
    return Release(f"main-{number:07x}", "production", "c" * 40, "t" * 40, (), (service,), "2026-01-31T00:00:00+00:00")


def history(*entries: tuple[int, Outcome, int | None]) -> tuple[Record, ...]:
    """(release, outcome, what runs after it), newest first."""
    return tuple(
        Record(
            len(entries) - place,
            release(number),
            outcome,
            "2026-01-31T00:00:00+00:00",
            "someone",
            None if runs is None else f"main-{runs:07x}",
        )
        for place, (number, outcome, runs) in enumerate(entries)
    )


def needs(*entries: tuple[int, Outcome, int | None], window: int = 2) -> dict[int, str]:
    found = protect({"production": history(*entries)}, HOST, window)
    return {int(one.removeprefix("sha256:"), 16): reason.because for one, reason in found.digests.items()}


def test_what_runs_and_the_last_healthy_releases_are_needed() -> None:
    assert needs((4, "healthy", 4), (3, "healthy", 3), (2, "healthy", 2)) == {4: "runs", 3: "rollback"}
    assert needs((4, "healthy", 4), (3, "failed", 2), (2, "healthy", 2), (1, "healthy", 1)) == {
        4: "runs",
        2: "rollback",
    }


def test_the_window_counts_releases_not_deployments() -> None:
    entries = ((4, "healthy", 4), (4, "healthy", 4), (3, "healthy", 3), (4, "healthy", 4), (2, "healthy", 2))
    assert needs(*entries, window=3) == {4: "runs", 3: "rollback", 2: "rollback"}  # type: ignore[arg-type]


@pytest.mark.parametrize("outcome", ["deploying", "interrupted", "failed"])
def test_a_release_that_an_environment_may_be_half_way_to_is_needed(outcome: Outcome) -> None:
    assert needs((5, outcome, 4), (4, "healthy", 4), window=1) == {4: "runs", 5: "deploying"}


def test_after_a_restore_the_restored_release_is_what_runs_however_old_it_is() -> None:
    entries = ((9, "restored", 1), (8, "healthy", 8), (7, "healthy", 7), (1, "healthy", 1))
    assert needs(*entries) == {1: "runs", 8: "rollback", 7: "rollback"}  # type: ignore[arg-type]


def test_what_waits_for_approvals_is_needed_as_far_as_the_window_goes() -> None:
    histories = {"production": history((4, "healthy", 4))}
    held = {"production": [release(number) for number in (4, 7, 6, 5)], "new": [release(9)]}
    found = protect(histories, HOST, 3, held)
    reasons = {int(one.removeprefix("sha256:"), 16): reason for one, reason in found.digests.items()}
    assert {number: reason.because for number, reason in reasons.items()} == {
        4: "runs", 7: "waiting", 6: "waiting", 9: "waiting"
    }  # fmt: skip
    assert reasons[9].text == "waits for approvals on new"
    assert (digest(7), "main-0000007") in found.tags
    assert protect({}, HOST, 3, held).repositories == {"team/api"}


def test_a_history_that_does_not_say_what_runs_stops_everything() -> None:
    with pytest.raises(EnvironmentUnusable) as refused:
        needs((5, "failed", 3), (4, "healthy", 4))
    assert refused.value.exit_code == ExitCode.UNUSABLE
    assert "main-0000003" in refused.value.message


def test_repositories_of_past_services_are_the_projects_too_and_others_are_not() -> None:
    record = history((1, "healthy", 1))[0]
    found = protect({"a": (record,), "b": ()}, HOST, 1)
    assert found.repositories == {"team/api"}
    assert found.environments == ("a", "b")
    assert found.tags == {(digest(1), "main-0000001")}
    assert protect({"a": (record,)}, "elsewhere.test", 1).repositories == frozenset()
    assert digest(1) in protect({"a": (record,)}, "elsewhere.test", 1).digests, "a registry may have two names"


def test_containers_of_this_machine_are_read_by_digest() -> None:
    text = f"{HOST}/api@{digest(1)}\n{HOST}/api:latest\nother.test/api@{digest(2)}\n\n{HOST}/x@sha256:zz\nsha256:abc\n"
    assert parse_images(text, HOST) == {digest(1)}
