"""Who may change an environment: one deployer at a time, and whether the one who holds it is still at it.

Pure but for asking this machine about one of its own processes. A lease is renewed while its holder works (`GitState`
writes the record again), so it may be short: who is killed on another machine blocks the environment for minutes.
"""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from windlass.errors import Held, Locked, Overtaken
from windlass.model.release import Lease, Record
from windlass.model.times import moment

LEASE = timedelta(minutes=5)
"""How long a deployer on another machine is believed to be at work without news. It is far longer than `BEAT`, so that a
remote that stammers, or clocks that differ by a minute or two, take the environment from nobody."""
BEAT = timedelta(minutes=1)
"""How often a lease is renewed."""


def holder() -> str:
    """This process, as people and leases name it: `user@host`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def take(now: datetime) -> Lease:
    return Lease(
        host=socket.gethostname(),
        pid=os.getpid(),
        expires=_expiry(now),
        machine=machine(),
        started=process_start(os.getpid()) or "",
        run=run_url(os.environ),
        token=secrets.token_hex(8),  # two records that say the same would be one commit, which both could push
    )


def renewed(record: Record, now: datetime) -> Record:
    """The record of a deployment that goes on, its lease longer."""
    assert record.lease is not None
    return replace(record, lease=replace(record.lease, expires=_expiry(now)))


def next_sequence(newest: Record | None, now: datetime) -> int:
    """A number above the newest record's, and above every one that was given before: the time in milliseconds.

    A history that begins anew (its ref was deleted, the repository cloned afresh), or that was put back to an older state,
    knows nothing of those; targets do, and would refuse it as late.
    """
    moment = int(now.timestamp() * 1000)
    return max(newest.sequence + 1, moment) if newest is not None else moment


def held(record: Record | None, now: datetime) -> bool:
    """Whether the newest record of an environment is a deployment that still goes on.

    A deployer on this machine is at work only while its process lives; any other until its lease expires.
    """
    if record is None or record.outcome != "deploying" or record.lease is None:
        return False
    lease = record.lease
    if _is_here(lease) and not _lives(lease):
        return False
    return now < datetime.fromisoformat(lease.expires)


def refuse_if_held(record: Record | None, now: datetime) -> None:
    """Raise `Held` when somebody is changing the environment; names who, since when and what."""
    if record is None or record.lease is None or not held(record, now):
        return
    lease = record.lease
    raise Held(
        f"{record.release.environment} is being changed by {record.by} (process {lease.pid}"
        f"{f', {lease.run}' if lease.run else ''}): {record.kind} of {record.release.id}, since {moment(record.at)}",
        remedy=f"--wait 10m waits for it; if it is gone for good, its hold ends by itself at {moment(lease.expires)}",
    )


def refuse_if_overtaken(newest: Record | None, decided_on: tuple[Record, ...] | None) -> None:
    """Raise `Overtaken` when the newest record is not the one that a decision was made on."""
    if decided_on is None:
        return
    known = decided_on[0].sequence if decided_on else None
    if newest is not None and newest.sequence != known:
        raise Overtaken(
            f"{newest.release.environment} went on meanwhile: {newest.kind} of {newest.release.id} by {newest.by} is {newest.outcome}",
            remedy="run again",
        )


def refuse_if_superseded(newest: Record | None, admitted: Record) -> None:
    """Raise `Locked` when the environment's newest record is not the one this process wrote: somebody took it over."""
    if newest is None or (newest.sequence, _identity(newest)) != (admitted.sequence, _identity(admitted)):
        who = f" by {newest.by}" if newest else ""
        raise Locked(
            f"{admitted.release.environment} was taken over{who} while {admitted.release.id} was being deployed",
            remedy=f"windlass history {admitted.release.environment} shows what happened; then run again",
        )


def run_url(environ: Mapping[str, str]) -> str:
    """Where the CI run that this process is part of can be looked at; empty where there is none (or none that says so)."""
    if environ.get("GITHUB_RUN_ID") and environ.get("GITHUB_REPOSITORY"):
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        return f"{server}/{environ['GITHUB_REPOSITORY']}/actions/runs/{environ['GITHUB_RUN_ID']}"
    found = environ.get("CI_JOB_URL") or environ.get("BUILD_URL") or environ.get("CIRCLE_BUILD_URL") or ""
    return found if found.startswith(("https://", "http://")) and found.isprintable() else ""


@cache
def machine() -> str:
    """This machine as far as process ids have a meaning: its boot and its process namespace. Two containers of one host, or
    two machines of one name, are not the same. Empty where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def process_start(pid: int) -> str | None:
    """When a process began, in ticks since boot (`proc(5)`, field 22 of `stat`): a process id alone is used again. None
    when there is no such process, or the system does not tell."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if after_name[0] in ("Z", "X") else after_name[19]


def process_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _expiry(now: datetime) -> str:
    return (now + LEASE).isoformat(timespec="seconds")


def _is_here(lease: Lease) -> bool:
    if lease.machine and machine():
        return lease.machine == machine()
    return lease.host == socket.gethostname()


def _lives(lease: Lease) -> bool:
    if lease.started and machine():
        return process_start(lease.pid) == lease.started
    return process_alive(lease.pid)


def _identity(record: Record) -> tuple[str, ...] | None:
    """Who wrote a record, however often its lease was renewed."""
    lease = record.lease
    return (lease.host, str(lease.pid), lease.machine, lease.started, lease.token) if lease is not None else None
