"""Keep a layout folder from growing: it is kept between runs so that present blobs are not written again, no longer."""

from __future__ import annotations

import shutil
from pathlib import Path

from windlass.build.layout import read_json


def tidy(layout: Path, digest: str) -> None:
    """Remove blobs that the image `digest` does not need, and what an interrupted export left."""
    drop_partial(layout)
    wanted = _reachable(layout, digest)
    for path in (layout / "blobs").glob("*/*"):
        if f"{path.parent.name}:{path.name}" not in wanted:
            path.unlink(missing_ok=True)


def drop_partial(layout: Path) -> None:
    """Remove what a failed export left; blobs that are whole stay."""
    shutil.rmtree(layout / "ingest", ignore_errors=True)


def _reachable(layout: Path, digest: str) -> set[str]:
    found = {digest}
    document = read_json(layout, digest)
    for child in document.get("manifests", []):
        found |= _reachable(layout, child["digest"])
    for blob in (document.get("config"), *document.get("layers", [])):
        if blob:
            found.add(blob["digest"])
    return found
