"""Containers that stay running for the way back: until when, and the program that waits for it.

A deployment leaves one such program behind for each environment, on its own machine. It imports as little as it can, for
it mostly waits, and decides nothing: whether a container may end is asked of the engine right before.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from windlass.errors import WindlassError
from windlass.waiting import Clock, DeadlinePassed, SystemClock, wait_for

_EVERY = 5.0
_LOOK_EVERY = 60.0
_TRIES = 60
"""After how many looks an engine that cannot be asked is given up: the next command that looks begins again."""

_DAY = 86400.0


class Warm:
    """A file with container ids and when each is to end, in seconds since 1970. Whoever writes it holds the environment's
    fence."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def read(self) -> dict[str, float]:
        try:
            return {str(id): float(when) for id, when in json.loads(self.file.read_text()).items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def due(self, now: float) -> list[str]:
        return [id for id, when in self.read().items() if when <= now]

    def keep(self, ids: Collection[str], until: float) -> None:
        """These stay, and no others. One that was to stay already does so no longer than before."""
        before = self.read()
        self._write({id: before.get(id, until) for id in ids})

    def forget(self, ids: Collection[str]) -> None:
        """These are not ended: they are needed, or gone."""
        before = self.read()
        self._write({id: when for id, when in before.items() if id not in ids})

    def _write(self, until: Mapping[str, float]) -> None:
        if not until and not self.file.exists():
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        draft = self.file.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(dict(until), sort_keys=True))
        draft.replace(self.file)


def command(
    folder: Path, project: str, engine: Mapping[str, object] | None, *, here: bool, late: bool = False
) -> list[str]:
    """The program that waits.

    Args:
        folder: the environment's own.
        project: its name in Compose.
        engine: the fields of its `EngineSpec`.
        here: whether looking at the engine now and then costs nothing.
        late: whether there are containers that should be gone, and have to be ended at once.
    """
    order = {"folder": str(folder), "project": project, "engine": engine, "here": here, "late": late}
    return [sys.executable, "-m", "windlass.deploy.warm", json.dumps(order)]


def attend(
    warm: Warm,
    end: Callable[[], object],
    there: Callable[[Sequence[str]], bool] = lambda ids: True,
    *,
    clock: Clock | None = None,
    now: Callable[[], float] = time.time,
) -> None:
    """Wait until containers are due and have them ended, until none is left that is to stay. Where somebody does that
    already, nothing is done.

    Args:
        end: ends those that are due, or raises WindlassError: it is tried again.
        there: whether one of these containers exists; asked now and then.
    """
    waiting = clock or SystemClock()
    tries, next_look = 0, 0.0

    def over() -> bool:
        nonlocal tries, next_look
        until = warm.read()
        if not until or tries >= _TRIES:
            return True
        if waiting.now() < next_look:
            return False
        if min(until.values()) <= now():
            tries += 1
            if _done(end):
                tries = 0
            else:
                next_look = waiting.now() + _LOOK_EVERY
        elif not there(list(until)):
            return True
        else:
            next_look = waiting.now() + min(_LOOK_EVERY, min(until.values()) - now())
        return False

    with _alone(warm.file.with_suffix(".lock"), waiting) as alone:
        if alone:
            left = max(warm.read().values(), default=0.0) - now()
            try:
                wait_for(over, bool, seconds=max(0.0, left) + _DAY, every=_EVERY, clock=waiting)
            except DeadlinePassed:
                pass  # it was never reached; the next command that looks begins again


def _done(end: Callable[[], object]) -> bool:
    try:
        end()
    except WindlassError as error:
        sys.stderr.write(f"{error}\n")  # the log of the environment
        sys.stderr.flush()
        return False
    return True


@contextmanager
def _alone(lock: Path, clock: Clock) -> Iterator[bool]:
    """Whether nobody else holds a lock. One that is about to give it up is waited for."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        try:
            wait_for(lambda: _locked(handle.fileno()), bool, seconds=2 * _EVERY, every=1.0, clock=clock)
        except DeadlinePassed:
            yield False
        else:
            yield True


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _there(ids: Sequence[str]) -> bool:
    """Asked by the variables that lead `docker` to the engine: whoever started this has set them."""
    from windlass import process

    wanted = [word for id in ids for word in ("--filter", f"id={id}")]
    try:
        listed = process.run(["docker", "ps", "--all", "--quiet", *wanted], timeout=20)
    except WindlassError:
        return True
    return not listed.ok or bool(listed.stdout.strip())


def main(order: Mapping[str, object]) -> None:
    """What `command` starts."""
    folder, project, engine = Path(str(order["folder"])), str(order["project"]), order["engine"]
    warm = Warm(folder / "warm.json")

    def end() -> None:
        from windlass.deploy.docker.expiry import end_due
        from windlass.model.project import EngineSpec

        spec = EngineSpec(**engine) if isinstance(engine, dict) else None
        end_due(folder, project, spec)

    if order["late"]:
        _done(end)
    attend(warm, end, _there if order["here"] else lambda ids: True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
