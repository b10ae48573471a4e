"""What git says when the repository that keeps the state cannot be written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from windlass.errors import EnvironmentUnusable
from windlass.process import ProgramFailed

_FULL = ("no space left on device", "disk quota exceeded")
_FORBIDDEN = ("permission denied", "read-only file system", "insufficient permission")


class NotWritten(EnvironmentUnusable):
    """The repository here takes nothing: trying again at once does not help."""


@contextmanager
def writing(what: str, folder: str) -> Iterator[None]:
    """Translate git's failures to write. `what` is what was being written, `folder` the repository's.

    Raises:
        NotWritten: the disk is full, it may not be written there, or git failed otherwise; with what to do.
        EnvironmentUnusable, Locked: as they came.
    """
    try:
        yield
    except ProgramFailed as error:
        raise _explained(error.completed.stderr or error.completed.stdout, what, folder) from error
    except NotWritten:
        raise
    except EnvironmentUnusable as error:
        here = error.message.startswith("cannot write")  # and not the disk of the remote
        if here and any(words in error.message.lower() for words in _FULL):
            raise _explained(error.message, what, folder) from error
        raise


def _explained(said: str, what: str, folder: str) -> NotWritten:
    low = said.lower()
    if any(words in low for words in _FULL):
        return NotWritten(
            f"the disk is full: {what} could not be written",
            where=folder,
            remedy="make room (docker system df shows Docker's share), then run the same command again",
        )
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "git says no reason")
    if any(words in low for words in _FORBIDDEN):
        return NotWritten(
            f"{what} could not be written: {last}", where=folder, remedy="check who owns .git, and its mode"
        )
    return NotWritten(f"{what} could not be written: {last}", where=folder, remedy="git fsck shows what is wrong")
