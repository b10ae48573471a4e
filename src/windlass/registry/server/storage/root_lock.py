"""One server a root: a lock file that the kernel releases when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

_NAME = "lock"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who serves a root: its process id and the address it listens on."""

    pid: int
    listen: str


class RootInUse(Exception):
    def __init__(self, holder: Holder | None) -> None:
        super().__init__(f"in use by {holder}")
        self.holder = holder


class RootLock:
    """Held from construction to the end of the process (or `release`).

    Raises:
        RootInUse: another process has it.
        OSError
    """

    def __init__(self, root: Path, listen: str) -> None:
        self._handle = os.open(root / _NAME, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._handle)
            if isinstance(error, BlockingIOError):
                raise RootInUse(_holder(root)) from None
            raise
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, json.dumps({"pid": os.getpid(), "listen": listen}).encode(), 0)

    def release(self) -> None:
        os.close(self._handle)


def holder(root: Path) -> Holder | None:
    """Who holds the lock now; None when nobody does (or has not said yet)."""
    try:
        handle = os.open(root / _NAME, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(root)
    finally:
        os.close(handle)
    return None


def _holder(root: Path) -> Holder | None:
    try:
        told = json.loads((root / _NAME).read_text())
        return Holder(int(told["pid"]), str(told["listen"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
