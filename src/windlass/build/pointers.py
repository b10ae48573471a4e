"""Pointers of git LFS where the content should be: an image made from one would look right and hold a text of three lines."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from windlass.errors import BuildFailed

_BEGIN = b"version https://git-lfs.github.com/spec/v1\n"


def refuse_pointers(service: str, paths: Iterable[str], folder: Path) -> None:
    """Look at a service's files that git LFS keeps.

    Args:
        paths: of these files in the source.
        folder: the materialised source.

    Raises:
        BuildFailed: some of them hold their pointer only.
    """
    left = [path for path in paths if _is_pointer(folder / path)]
    if not left:
        return
    more = f" and {len(left) - 1} more" if len(left) > 1 else ""
    raise BuildFailed(
        f"{left[0]}{more}: git LFS has left a pointer here instead of the content, and it would go into the image",
        where=service,
        remedy="git lfs install && git lfs pull, then run again",
    )


def _is_pointer(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_BEGIN)) == _BEGIN
    except OSError:
        return False
