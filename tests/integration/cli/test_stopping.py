"""Programs that end with who started them: at a Ctrl-C every one, also one that is just being started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest

from windlass import process
from windlass.waiting import wait_for


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


def test_a_program_that_changes_an_environment_ends_with_who_started_it_however_that_ends() -> None:
    words = ["sh", "-c", 'echo "$$"; while :; do sleep 600; done']
    starts = (
        f"from windlass import process; process.stream({words}, lambda line: print(line, flush=True), with_us=True)"
    )
    starter = subprocess.Popen([sys.executable, "-c", starts], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    group = int(starter.stdout.readline())
    try:
        assert _alive(group)
        starter.kill()
        starter.communicate()
        wait_for(lambda: _alive(group), lambda alive: not alive, seconds=10)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def test_it_says_what_it_is_and_leaves_nothing_behind_where_it_ends_by_itself() -> None:
    done = process.run(["sh", "-c", 'cat; echo "$$"; echo bad >&2; exit 3'], input="in\n", with_us=True)
    word, group = done.stdout.split()
    assert (word, done.stderr, done.code) == ("in", "bad\n", 3)
    wait_for(lambda: _alive(int(group)), lambda alive: not alive, seconds=10)
    with pytest.raises(process.ProgramMissing, match="no-such-program"):
        process.run(["no-such-program"], with_us=True)


def _alive(group: int) -> bool:
    """Whether a program of this group runs; one that has ended, and that nobody has asked for, does not."""
    said = subprocess.run(["ps", "-e", "-o", "pgid=", "-o", "stat="], capture_output=True, text=True, check=True).stdout
    return any(pair[0] == str(group) and not pair[1].startswith("Z") for pair in map(str.split, said.splitlines()))
