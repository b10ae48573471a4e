"""Other programs, and the folders this work is done in."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

STATE = Path(os.environ.get("WINDLASS_ENGINE_STATE", "/var/lib/windlass-engine")) / "base-images"
PROGRAMS = Path(os.environ.get("WINDLASS_ENGINE_PREFIX", "/opt/windlass-engine") + "-registry")


class CannotMake(Exception):
    """Why the images cannot be made here, and what to do about it."""


def run(*argv: str, cwd: str | None = None, input: str | None = None, check: bool = True) -> str:
    """What a program prints.

    Raises:
        CannotMake: it failed; with its last line.
    """
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "SOURCE_DATE_EPOCH": "0"}
    try:
        done = subprocess.run(argv, cwd=cwd, input=input, capture_output=True, text=True, env=environment, check=False)
    except FileNotFoundError as error:
        raise CannotMake(f"the program '{argv[0]}' was not found") from error
    if check and done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise CannotMake(f"{' '.join(argv[:2])} exited with {done.returncode}: {last}")
    return done.stdout


def scratch() -> Path:
    """A folder that is removed at the end."""
    folder = STATE / "scratch"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
