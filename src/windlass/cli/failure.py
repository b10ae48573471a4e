"""An error, as a person or a program reads it."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from datetime import UTC, datetime

from windlass.cli.stream import unheard, write_json
from windlass.errors import DeploymentFailed, EnvironmentUnusable, ExitCode, StageFailed, WindlassError
from windlass.paths import data_dir

_SHOWN = 20
"""Lines of a failed service's log."""


def show(error: BaseException, *, as_json: bool) -> int:
    """Say what happened, where and what to do; returns the exit code. With `as_json`, as a document on standard output."""
    known = translate(error)
    if as_json:
        write_json({"error": as_document(known)})
        return known.exit_code
    from windlass.cli.output import errors

    console = errors()
    console.say(f"[red]error[/]  {console.plain(str(known))}", indent=7)
    if isinstance(known, StageFailed):
        for line in known.log:
            console.say(f"[dim]{console.plain(line)}[/]", indent=9, first=7)
    if isinstance(known, DeploymentFailed):
        for service, lines in known.evidence.items():
            console.say(f"[bold]{service}[/] said last:", indent=7, first=7)
            for line in lines[-_SHOWN:]:
                console.say(f"[dim]{console.plain(line)}[/]", indent=11, first=9)
    if known.remedy:
        console.say(f"[bold]do[/]     {console.plain(known.remedy)}", indent=7)
    return known.exit_code


def show_interruption(*, as_json: bool) -> int:
    """Say that somebody ended the command, after what it had started was ended; returns the exit code."""
    said = "interrupted; what was running was ended"
    if as_json:
        document = {"message": said, "where": None, "remedy": None, "exit_code": int(ExitCode.INTERRUPTED)}
        write_json({"error": document})
    with unheard(sys.stderr):
        sys.stderr.write(f"\n{said}\n")
        sys.stderr.flush()
    return ExitCode.INTERRUPTED


def as_document(error: WindlassError) -> dict[str, object]:
    return {
        "message": error.message,
        "where": error.where,
        "remedy": error.remedy,
        "exit_code": error.exit_code,
    }


def translate(error: BaseException) -> WindlassError:
    """Any exception as one of ours: what the operating system refuses is the environment, the rest is a defect of Windlass."""
    if isinstance(error, WindlassError):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EnvironmentUnusable(
            "the disk is full",
            where=_place(error),
            remedy="make room (docker system df shows Docker's share), then run again",
        )
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return EnvironmentUnusable(
            f"{error.strerror}".lower(), where=_place(error), remedy="check who owns it and its mode"
        )
    return WindlassError(
        f"unexpected: {type(error).__name__}: {error}",
        remedy=f"this is a defect of windlass, please report it with {_keep_traceback(error)}",
    )


def _place(error: OSError) -> str | None:
    return os.fspath(error.filename) if isinstance(error.filename, (str, os.PathLike)) else None


def _keep_traceback(error: BaseException) -> str:
    text = "".join(traceback.format_exception(error))
    if os.environ.get("WINDLASS_DEBUG"):
        sys.stderr.write(text)
    path = data_dir() / "crashes" / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError:
        return "the output of the same command under WINDLASS_DEBUG=1"
    return str(path)
