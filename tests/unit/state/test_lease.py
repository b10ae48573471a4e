"""Who holds an environment, and whether that one is still at it."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from windlass.errors import ExitCode, Held, Locked
from windlass.model.release import Lease, Record, Release, ReleasedService
from windlass.state import lease

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
SERVICE = ReleasedService("web", "localhost:5077/web", "sha256:" + "a" * 64)
RELEASE = Release("r1", "production", "c" * 40, "t" * 40, ("compose.yml",), (SERVICE,), "2026-01-01T00:00:00+00:00")


def record(held_by: Lease | None, sequence: int = 1) -> Record:
    return Record(sequence, RELEASE, "deploying", "2026-01-01T11:59:00+00:00", "ada@there", None, lease=held_by)


def mine() -> Lease:
    return lease.take(NOW)


DEAD = 2**22 + 1
"""No process has this number: the kernel gives none above 2**22."""


def test_a_living_process_holds_until_its_lease_ends() -> None:
    assert lease.held(record(mine()), NOW)
    assert lease.held(record(mine()), NOW + lease.LEASE - timedelta(seconds=1))
    assert not lease.held(record(mine()), NOW + lease.LEASE)


def test_who_died_on_this_machine_holds_nothing() -> None:
    assert not lease.held(record(replace(mine(), pid=DEAD)), NOW)


def test_a_process_that_got_the_number_of_one_that_died_holds_nothing() -> None:
    assert not lease.held(record(replace(mine(), started="1")), NOW)


def test_the_same_number_on_another_machine_of_the_same_name_is_another_process() -> None:
    elsewhere = replace(mine(), pid=DEAD, machine="another-boot/4026531836")
    assert lease.held(record(elsewhere), NOW)
    assert not lease.held(record(elsewhere), NOW + lease.LEASE)


def test_without_a_machine_s_identity_its_name_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "machine", lambda: "")
    assert not lease.held(record(Lease(mine().host, DEAD, mine().expires)), NOW)
    assert lease.held(record(Lease(mine().host, os.getpid(), mine().expires)), NOW)
    assert lease.held(record(Lease("another-host", DEAD, mine().expires)), NOW)


def test_a_settled_record_is_held_by_nobody() -> None:
    assert not lease.held(replace(record(mine()), outcome="healthy"), NOW)
    assert not lease.held(record(None), NOW)
    assert not lease.held(None, NOW)


def test_the_refusal_names_holder_purpose_start_and_run() -> None:
    there = replace(mine(), machine="another-boot/1", pid=12, run="https://ci.example.org/runs/7")
    with pytest.raises(Held) as refused:
        lease.refuse_if_held(record(there), NOW)
    assert refused.value.exit_code == ExitCode.LOCKED
    for word in ("production", "ada@there", "process 12", "https://ci.example.org/runs/7", "deploy of r1", "11:59:00"):
        assert word in str(refused.value)
    assert "--wait" in str(refused.value.remedy)


def test_a_renewed_lease_is_the_same_holder_s() -> None:
    admitted = record(mine())
    later = lease.renewed(admitted, NOW + timedelta(minutes=4))
    assert lease.held(later, NOW + lease.LEASE)
    lease.refuse_if_superseded(later, admitted)


@pytest.mark.parametrize("change", ["sequence", "process", "gone"])
def test_anybody_else_s_record_supersedes(change: str) -> None:
    admitted = record(mine())
    other = {
        "sequence": record(mine(), 2),
        "process": record(replace(mine(), started="another")),
        "gone": None,
    }[change]
    with pytest.raises(Locked, match="taken over"):
        lease.refuse_if_superseded(other, admitted)


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, ""),
        ({"GITHUB_RUN_ID": "5", "GITHUB_REPOSITORY": "a/b"}, "https://github.com/a/b/actions/runs/5"),
        (
            {"GITHUB_RUN_ID": "5", "GITHUB_REPOSITORY": "a/b", "GITHUB_SERVER_URL": "https://git.example.org"},
            "https://git.example.org/a/b/actions/runs/5",
        ),
        ({"CI_JOB_URL": "https://gitlab.example.org/a/-/jobs/5"}, "https://gitlab.example.org/a/-/jobs/5"),
        ({"BUILD_URL": "not an address"}, ""),
        ({"BUILD_URL": "https://ci.example.org/\x1b[2J"}, ""),
    ],
)
def test_the_address_of_a_ci_run_is_found(environ: dict[str, str], url: str) -> None:
    assert lease.run_url(environ) == url
