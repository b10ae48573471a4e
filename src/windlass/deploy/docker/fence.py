"""What an environment has seen: the highest sequence number, and which release each service came from.

A small file beside the engine's own records, because a label with these would recreate every container. The number is on
the engine as well (`marks`): other machines, and other users of this one, have files of their own.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from windlass.deploy.docker.marks import Marks
from windlass.errors import Locked
from windlass.waiting import Clock, DeadlinePassed, wait_for

_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Seen:
    """`releases` maps a service to (configuration hash, release id); `lasting` are the services of the release that was
    switched to last, but for those that run once and end."""

    sequence: int = 0
    releases: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    lasting: tuple[str, ...] = ()

    def release_of(self, service: str, config_hash: str) -> str | None:
        """The release that brought this very configuration; None when somebody else did."""
        known = self.releases.get(service)
        return known[1] if known is not None and known[0] == config_hash else None


class Fence:
    """The state file of one environment, written in one piece, so that a crash leaves the old one; and its engine's memory.

    Args:
        marks: None where nothing with a number is done.
    """

    def __init__(self, file: Path, marks: Marks | None = None) -> None:
        self._file = file
        self._marks = marks

    def read(self) -> Seen:
        try:
            document = json.loads(self._file.read_text())
            releases = {name: (str(pair[0]), str(pair[1])) for name, pair in document["releases"].items()}
            return Seen(int(document["sequence"]), releases, tuple(map(str, document.get("lasting", ()))))
        except (FileNotFoundError, ValueError, KeyError, TypeError, IndexError, AttributeError):
            return Seen()

    def write(self, seen: Seen) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(f".{os.getpid()}")
        document = {"sequence": seen.sequence, "releases": dict(seen.releases), "lasting": list(seen.lasting)}
        draft.write_text(json.dumps(document, sort_keys=True))
        draft.replace(self._file)

    @contextmanager
    def entered(self, sequence: int | None, *, clock: Clock | None = None) -> Iterator[Seen]:
        """Hold the environment on this machine while changing it, and note the sequence number (None: no number yet).

        Raises:
            Locked: a newer sequence has been here, or another change is still going on.
            EngineUnavailable: it cannot be asked for its newest.
        """
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.with_suffix(".lock").open("w") as handle:
            try:
                wait_for(lambda: _try_lock(handle.fileno()), bool, seconds=_PATIENCE, every=0.2, clock=clock)
            except DeadlinePassed as error:
                raise Locked(
                    "another deployment is changing this environment right now", remedy="wait until it has ended"
                ) from error
            seen = self.read()
            if sequence is None:
                yield seen
                return
            if sequence < seen.sequence:
                raise _late(sequence, seen.sequence)
            if self._marks is not None and (newest := self._marks.claim(sequence)):
                raise _late(sequence, newest)
            self.write(replace(seen, sequence=sequence))
            yield seen

    def insist(self, sequence: int) -> None:
        """See that nobody has been at the engine with a newer number, from whatever machine.

        Raises:
            Locked: somebody has.
            EngineUnavailable: it cannot be asked.
        """
        if self._marks is not None and (newest := self._marks.newer(sequence)):
            raise _late(sequence, newest)

    def overtaken(self) -> bool:
        """Whether the last to change the environment was somebody else, as far as that can be told: what this machine
        remembers of it may not be true any more.

        Raises:
            EngineUnavailable: it cannot be asked.
        """
        return self._marks is not None and self._marks.highest() != self.read().sequence


def _late(sequence: int, newest: int) -> Locked:
    return Locked(
        f"a newer deployment (number {newest}) has been here; this one is number {sequence}",
        remedy="look at windlass history, then run again",
    )


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
