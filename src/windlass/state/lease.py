"""Whether the holder of an environment is still at it. Pure but for asking this host about one of its own processes."""

from __future__ import annotations

import getpass
import os
import socket
from datetime import datetime, timedelta

from windlass.errors import Locked
from windlass.model.release import Lease, Record

LEASE = timedelta(minutes=30)
"""How long a deployer on another machine is believed to be at work without news."""


def holder() -> str:
    """This process, as people and leases name it: `user@host`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def take(now: datetime) -> Lease:
    return Lease(socket.gethostname(), os.getpid(), (now + LEASE).isoformat(timespec="seconds"))


def next_sequence(newest: Record | None, now: datetime) -> int:
    """The number after the newest record's.

    A history that begins anew (its ref was deleted, the repository cloned afresh) begins above every number the one
    before it gave, or targets would refuse it as late: it counts from the time in milliseconds.
    """
    return newest.sequence + 1 if newest is not None else int(now.timestamp() * 1000)


def held(record: Record | None, now: datetime) -> bool:
    """Whether the newest record of an environment is a deployment that still goes on.

    A deployer on this host is held to be at work while its process lives; one elsewhere until its lease expires.
    """
    if record is None or record.outcome != "deploying" or record.lease is None:
        return False
    lease = record.lease
    here = lease.host == socket.gethostname()
    if here and lease.pid != os.getpid() and not process_alive(lease.pid):
        return False
    return now < datetime.fromisoformat(lease.expires)


def refuse_if_held(record: Record | None, now: datetime) -> None:
    """Raise `Locked` when somebody is changing the environment; names who, since when and what."""
    if record is None or record.lease is None or not held(record, now):
        return
    lease = record.lease
    raise Locked(
        f"{record.release.environment} is being changed by {record.by} (process {lease.pid}): "
        f"{record.kind} of {record.release.id}, since {record.at}",
        remedy=f"wait for it; if it is gone for good, its hold ends by itself at {lease.expires}",
    )


def refuse_if_superseded(newest: Record | None, admitted: Record) -> None:
    """Raise `Locked` when the environment's newest record is not the one this process wrote: somebody took it over."""
    if newest is None or (newest.sequence, newest.lease) != (admitted.sequence, admitted.lease):
        who = f" by {newest.by}" if newest else ""
        raise Locked(
            f"{admitted.release.environment} was taken over{who} while {admitted.release.id} was being deployed",
            remedy=f"windlass history {admitted.release.environment} shows what happened; then run again",
        )


def process_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
