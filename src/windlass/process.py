"""The one place where other programs are started.

Children run in a process group of their own, so that Ctrl-C reaches them once, through `terminate_all`, and never
leaves a half-finished grandchild behind. Output is decoded as UTF-8 with replacement: a log line must never crash a run.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from windlass.errors import EnvironmentUnusable, WindlassError

Ending: TypeAlias = Callable[[Callable[[], object]], AbstractContextManager[None]]
"""Calls what it is given when there is to be an end, for the time of a block: `waiting.Stop.ended_by`."""

_GRACE_SECONDS = 5.0
_live: set[subprocess.Popen[bytes]] = set()
# Of each program that ends with this process, the end of a pipe that is closed when this process ends, however it does.
_lifelines: dict[subprocess.Popen[bytes], int] = {}
_detached: list[subprocess.Popen[bytes]] = []  # held, because Python warns of one that is dropped while it runs
_guard = threading.Lock()
_stopping = threading.Event()

_WITH_US = '{ trap "" TERM; cat "/dev/fd/$0" && kill -s KILL 0; } </dev/null >/dev/null 2>&1 & exec "$@"'
"""Becomes a program, beside one that ends both when the pipe that it is named is closed; without it where that cannot be read."""


@dataclass(frozen=True, slots=True)
class Completed:
    """A finished program: its argument vector, exit code and decoded output."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        return self.code == 0


class ProgramMissing(EnvironmentUnusable):
    """The program is not installed or not on PATH."""


class ProgramTimedOut(WindlassError):
    """It did not end in time, and was terminated."""


class ProgramFailed(WindlassError):
    """A program that had to succeed did not. `completed` holds what it printed."""

    def __init__(self, completed: Completed) -> None:
        tail = (completed.stderr or completed.stdout).strip().splitlines()[-1:] or ["no output"]
        super().__init__(f"{' '.join(completed.argv[:3])} exited with {completed.code}: {tail[0]}")
        self.completed = completed


def run(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    input: str | None = None,
    timeout: float | None = None,
    check: bool = False,
    with_us: bool = False,
) -> Completed:
    """Run a program to its end and return what it printed.

    Args:
        env: variables added to (or replacing) this process's own.
        timeout: seconds; on expiry the program's group is terminated.
        check: raise `ProgramFailed` on a non-zero exit.
        with_us: it ends with this process, also when this one is killed.

    Raises:
        ProgramMissing: it is not installed.
        ProgramFailed: `check` is set and it failed.
        ProgramTimedOut
    """
    code, out, err = _finish(argv, cwd=cwd, env=env, input=input, timeout=timeout, with_us=with_us)
    completed = Completed(tuple(argv), code, out.decode(errors="replace"), err.decode(errors="replace"))
    if check and not completed.ok:
        raise ProgramFailed(completed)
    return completed


def run_bytes(
    argv: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None, input: str | None = None
) -> bytes:
    """Run a program that must succeed and return its raw output. Raises as `run` with `check`."""
    code, out, err = _finish(argv, cwd=cwd, env=env, input=input, timeout=None)
    if code != 0:
        raise ProgramFailed(Completed(tuple(argv), code, "", err.decode(errors="replace")))
    return out


def _finish(
    argv: Sequence[str],
    *,
    cwd: Path | None,
    env: Mapping[str, str] | None,
    input: str | None,
    timeout: float | None,
    with_us: bool = False,
) -> tuple[int, bytes, bytes]:
    stdin = subprocess.PIPE if input is not None else subprocess.DEVNULL
    child = _start(argv, cwd=cwd, env=env, stdin=stdin, with_us=with_us)
    try:
        out, err = child.communicate(None if input is None else input.encode(errors="surrogateescape"), timeout=timeout)
    except subprocess.TimeoutExpired as error:
        _terminate(child)
        raise ProgramTimedOut(f"{' '.join(argv[:3])} did not end within {timeout:g} s") from error
    except BaseException:
        _terminate(child)
        raise
    finally:
        _forget(child)
    return child.returncode, out, err


def stream(
    argv: Sequence[str],
    on_line: Callable[[str], None],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    input: str | None = None,
    stop: Callable[[], bool] | None = None,
    ended_by: Ending | None = None,
    with_us: bool = False,
) -> int:
    """Run a program, giving each line of its standard output and error (interleaved) to `on_line`; return its exit code.

    Args:
        stop: asked after every line; true terminates the program.
        ended_by: terminates it, also one that says nothing; others can still be started.
        with_us: it ends with this process, also when this one is killed.
    """
    child = _start(
        argv,
        cwd=cwd,
        env=env,
        stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        with_us=with_us,
    )
    try:
        if input is not None and child.stdin is not None:
            threading.Thread(target=_feed, args=(child, input.encode()), daemon=True).start()
        assert child.stdout is not None
        with ended_by(partial(_terminate, child)) if ended_by is not None else nullcontext():
            for raw in child.stdout:
                on_line(raw.decode(errors="replace").rstrip("\r\n"))
                if stop is not None and stop():
                    _terminate(child)
                    break
            return child.wait()
    except BaseException:
        _terminate(child)
        raise
    finally:
        _forget(child)


def detach(argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> int:
    """Start a program that outlives this one, its output appended to `log`; return its process id."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env={**os.environ, **(env or {})},
            cwd="/",
            start_new_session=True,
        )
    _detached.append(child)
    return child.pid


def terminate_all() -> None:
    """End every program started here, politely first. Called once, on Ctrl-C; nothing can be started afterwards."""
    _stopping.set()
    with _guard:
        children = list(_live)
    for child in children:
        _signal(child, signal.SIGINT)
    for child in children:
        _terminate(child)


def ending() -> bool:
    """Whether `terminate_all` was called: a program that fails from then on was interrupted."""
    return _stopping.is_set()


def _start(
    argv: Sequence[str],
    *,
    cwd: Path | None,
    env: Mapping[str, str] | None,
    stdin: int,
    stderr: int = subprocess.PIPE,
    with_us: bool = False,
) -> subprocess.Popen[bytes]:
    if _stopping.is_set():
        raise KeyboardInterrupt
    if with_us and shutil.which(argv[0]) is None:  # the shell would say so in its own words
        raise _missing(argv[0])
    ends, held = os.pipe() if with_us else (None, None)
    try:
        child = subprocess.Popen(
            ["sh", "-c", _WITH_US, str(ends), *argv] if with_us else list(argv),
            cwd=cwd,
            env={**os.environ, **env} if env else None,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
            pass_fds=(ends,) if ends is not None else (),
        )
    except BaseException as error:
        if held is not None:
            os.close(held)
        if not isinstance(error, FileNotFoundError):
            raise
        if cwd is not None and not cwd.is_dir():
            raise WindlassError(f"the folder {cwd} does not exist") from error
        raise _missing(argv[0]) from error
    finally:
        if ends is not None:
            os.close(ends)
    with _guard:
        _live.add(child)
        if held is not None:
            _lifelines[child] = held
    if _stopping.is_set():  # `terminate_all` may have looked at what runs before this one was among it
        _terminate(child)
        _forget(child)
        raise KeyboardInterrupt
    return child


def _feed(child: subprocess.Popen[bytes], data: bytes) -> None:
    assert child.stdin is not None
    try:
        child.stdin.write(data)
        child.stdin.close()
    except BrokenPipeError:
        pass  # the program ended without reading all of it; its exit code tells the rest


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if child.poll() is None:
        try:
            os.killpg(child.pid, number)
        except (ProcessLookupError, PermissionError):
            pass


def _terminate(child: subprocess.Popen[bytes]) -> None:
    _signal(child, signal.SIGTERM)
    try:
        child.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        _signal(child, signal.SIGKILL)
        child.wait()


def _missing(program: str) -> ProgramMissing:
    return ProgramMissing(f"the program '{program}' was not found", remedy=f"install {program}, or put it on PATH")


def _forget(child: subprocess.Popen[bytes]) -> None:
    with _guard:
        _live.discard(child)
        held = _lifelines.pop(child, None)
    if held is not None:
        os.close(held)
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:
                pass
