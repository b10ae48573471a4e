"""Taking copies away: everything they have on the engine, and their folders; also those that a killed drill left behind."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

from windlass.deploy.docker.engine import Docker
from windlass.errors import EngineUnavailable, WindlassError
from windlass.model.project import EngineSpec
from windlass.waiting import Clock, DeadlinePassed, wait_for

PREFIX = "windlass-drill-"
_NOTE = "copy.json"
_COPY = re.compile(r".+-[0-9a-f]{6}-drill(-copy)*")
_KINDS = (
    ("container", ("--all",), ("rm", "--force", "--volumes")),
    ("network", (), ("rm",)),
    ("volume", (), ("rm", "--force")),
)
_SECONDS = 60.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@lru_cache
def engine_of(spec: EngineSpec | None) -> Docker:
    """The engine that an environment declares, or the user's own."""
    return Docker(spec)


def is_copy(name: str) -> bool:
    """Whether a Compose project's name is one that a drill made up: nothing else is ever removed. Pure."""
    return _COPY.fullmatch(name) is not None


def left_over(docker: Docker, name: str) -> list[tuple[str, str]]:
    """(kind, id) of every container, network and volume of a Compose project. Raises EngineUnavailable."""
    label = f"label=com.docker.compose.project={name}"
    found = []
    for kind, every, _ in _KINDS:
        done = docker.run(["docker", kind, "ls", "--quiet", "--filter", label, *every])
        if not done.ok:
            raise docker.refusal(done.stderr)
        found += [(kind, id) for id in done.stdout.split()]
    return found


def remove(docker: Docker, name: str, images: Sequence[str] = (), *, clock: Clock | None = None) -> None:
    """Remove every container, network and volume of a copy, until there are none twice in a row: what a killed deployer had
    started may still be making some.

    Args:
        images: names that only the copy gave to images.

    Raises:
        EngineUnavailable: the engine does not answer, or does not let go of something.
        ValueError: the name is none of a copy.
    """
    if not is_copy(name):
        raise ValueError(f"{name} is no copy")
    quiet = 0

    def once() -> list[tuple[str, str]]:
        nonlocal quiet
        found = left_over(docker, name)
        for kind, _, removal in _KINDS:
            if ids := [id for one, id in found if one == kind]:
                docker.run(["docker", kind, *removal, *ids])
        quiet = 0 if found else quiet + 1
        return found

    try:
        wait_for(once, lambda _: quiet > 1, seconds=_SECONDS, every=0.5, clock=clock)
    except DeadlinePassed as passed:
        kept = ", ".join(f"{kind} {id}" for kind, id in passed.last) if isinstance(passed.last, list) else ""
        raise EngineUnavailable(
            f"the engine does not let go of {kept}", where=name, remedy="the next windlass drill tries again"
        ) from passed
    for image in images:
        docker.run(["docker", "image", "rm", image])


@contextmanager
def folder() -> Iterator[Path]:
    """A private folder for a copy, locked by this process for as long as it lives. It is for the caller to remove it."""
    made = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    handle = os.open(made, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield made
    finally:
        os.close(handle)


def note(folder: Path, name: str, engine: EngineSpec | None, images: Sequence[str]) -> None:
    """Write down what has to be removed with a folder, before there is any of it."""
    document = {"name": name, "engine": asdict(engine) if engine else None, "images": list(images)}
    (folder / _NOTE).write_text(json.dumps(document))


def sweep(place: Path | None = None) -> tuple[str, ...]:
    """Remove what drills left that were killed; the names of these copies. What cannot be removed now stays for the next."""
    gone = []
    for left in sorted((place or Path(tempfile.gettempdir())).glob(f"{PREFIX}*")):
        with suppress(OSError, ValueError, KeyError, TypeError, WindlassError):
            if left.is_symlink() or left.stat().st_uid != os.getuid():
                continue
            handle = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held by a drill that goes on
                noted = json.loads((left / _NOTE).read_text())
                spec = EngineSpec(**noted["engine"]) if noted["engine"] else None
                remove(engine_of(spec), noted["name"], noted["images"])
                shutil.rmtree(left, ignore_errors=True)
                gone.append(noted["name"])
            finally:
                os.close(handle)
    return tuple(gone)


@contextmanager
def undisturbed() -> Iterator[None]:
    """While it lasts, a second Ctrl-C does not stop what cleans up after the first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
