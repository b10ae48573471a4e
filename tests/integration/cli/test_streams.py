"""A reader that has gone, a terminal that knows no UTF-8: neither changes what a command does or how it ends."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from windlass.cli.output import Output
from windlass.cli.progress.json_lines import JsonLines
from windlass.cli.progress.live import LiveView
from windlass.cli.progress.plain import PlainLines
from windlass.errors import ExitCode
from windlass.model.events import StageFinished, StageStarted


@pytest.fixture(params=[os.pipe, pty.openpty], ids=["a pipe", "a terminal"])
def unread(request: pytest.FixtureRequest) -> Iterator[io.TextIOWrapper]:
    """A pipe whose reader has gone; a terminal that was closed."""
    reader, writer = request.param()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        yield stream


@pytest.mark.parametrize("sink", [JsonLines, lambda stream: PlainLines(Output(stream))], ids=["JSON", "lines"])
def test_progress_nobody_reads_ends_nothing(unread: io.TextIOWrapper, sink: type[JsonLines]) -> None:
    emit = sink(unread)
    for _ in range(2):
        emit(StageFinished("build", "ok", 1.0))


def test_a_live_view_on_a_terminal_that_was_closed_ends_nothing() -> None:
    reader, writer = pty.openpty()
    with os.fdopen(writer, "w", encoding="utf-8") as stream, LiveView(Output(stream)) as emit:
        emit(StageStarted("build"))
        os.close(reader)
        emit(StageFinished("build", "ok", 1.0))
        emit(StageStarted("deploy"))


@pytest.mark.parametrize("options", [["--json"], []])
def test_an_exit_code_survives_a_reader_that_has_gone(tmp_path: Path, options: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    argv = [sys.executable, "-m", "windlass", "status", "-C", str(tmp_path / "nowhere"), *options]
    try:
        done = subprocess.run(argv, stdout=writer, stderr=writer if not options else subprocess.PIPE, check=False)
    finally:
        os.close(writer)
    assert done.returncode == ExitCode.USAGE
    assert not done.stderr


def test_json_is_json_in_every_encoding(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "windlass", "status", "-C", str(tmp_path / "grün"), "--json"]
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(argv, capture_output=True, env=env, check=False)
    assert done.returncode == ExitCode.USAGE
    assert "grün" in json.loads(done.stdout.decode("ascii"))["error"]["message"]
