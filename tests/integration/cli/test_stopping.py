"""Ctrl-C finds every program, also one that is just being started."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from windlass import process


def test_a_program_started_while_all_are_being_ended_is_ended_too(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def popen(*args: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(real(*args, **options))
        process._stopping.set()  # Ctrl-C in another thread, before this program is on the list
        return started[0]

    monkeypatch.setattr("windlass.process.subprocess.Popen", popen)
    try:
        with pytest.raises(KeyboardInterrupt):
            process.run(["sleep", "600"])
    finally:
        process._stopping.clear()
    assert started[0].poll() is not None
