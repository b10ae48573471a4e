"""Where images wait between the builder and the registry: a folder kept between runs, for one run at a time."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from windlass.model.plan import ServicePlan


@contextmanager
def layouts(place: Path, project: str) -> Iterator[Path]:
    """The folder of a project's OCI layouts, for the time of a `with` block.

    Blobs that are there from an earlier run need not be exported again. Another run that goes on at the same time gets a
    folder of its own, gone at the end: what one tidies away, the other may be about to push.
    """
    folder = place / "layouts" / project
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with tempfile.TemporaryDirectory(prefix=f"{project}-", dir=folder.parent) as own:
                yield Path(own)
        else:
            yield folder
    finally:
        os.close(handle)


def layout_of(folder: Path, plan: ServicePlan) -> Path:
    """The layout of one service's image."""
    return folder / plan.service.image.replace("/", "+")


def dockerfiles(folder: Path) -> Path:
    """Where Dockerfiles are written that no tree has: beside the layouts, as long as these are held."""
    return folder / ".dockerfiles"
