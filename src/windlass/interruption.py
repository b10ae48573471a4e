"""Being stopped by hand (Ctrl-C, a cancelled CI job, a closed terminal), so that it is never lost.

Python raises KeyboardInterrupt wherever the main thread happens to be. In a finalizer or a callback of a weak reference it is
printed and dropped (sys.unraisablehook), and what was to stop would go on: so it is noted as well, and asked for where a stage
begins and before users notice anything.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

_asked = threading.Event()


def listen() -> None:
    """Take signals that end a program for KeyboardInterrupt; those that are ignored from outside, as under nohup, stay so."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def honour() -> None:
    """Raises KeyboardInterrupt: it was asked for, and nobody has heard it."""
    if _asked.is_set():
        _asked.clear()
        raise KeyboardInterrupt


def heard() -> None:
    """It was: from here on, what is done is done because of it."""
    _asked.clear()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    _asked.set()
    raise KeyboardInterrupt
