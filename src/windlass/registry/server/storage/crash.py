"""Places where a test may end the process as a power cut would: `WINDLASS_CRASH_AT=POINT[:N]`, read once at the start.

The process kills itself with SIGKILL when it passes POINT for the N-th time. Without the variable a passage is an
empty call.
"""

from __future__ import annotations

import os
import signal
import threading

POINTS = (
    "upload-received",  # the last byte is written, nothing is synced
    "upload-synced",  # the upload's file is synced, it has no name in the store yet
    "blob-named",  # the blob has its name, the folder is not synced
    "blob-stored",  # the blob is on disk, the repository does not list it yet
    "file-written",  # a small file is written to its temporary name
    "file-synced",  # … and synced
    "file-named",  # … and renamed, the folder is not synced
    "link-made",  # an empty link exists, the folder is not synced
    "manifest-checked",  # all content was found, nothing is written
    "manifest-stored",  # the manifest's bytes are stored, the repository does not list it
    "manifest-linked",  # the repository lists it, no tag points to it
    "tags-removed",  # a deletion has removed the tags and not the manifest
    "collect-listed",  # a collection knows what one repository needs
    "collect-marked",  # a collection knows what all of them need
    "collect-unlinked",  # a collection has removed a link
    "collect-moved",  # a collection has moved a blob out of the store
    "scrub-found",  # a scrub has found damage
    "scrub-moved",  # … and moved the file to quarantine
)

_POINT, _, _COUNT = os.environ.get("WINDLASS_CRASH_AT", "").partition(":")


class _Fuse:
    def __init__(self, point: str, passages: int) -> None:
        self._point = point
        self._left = passages
        self._guard = threading.Lock()

    def passing(self, point: str) -> None:
        if point != self._point:
            return
        with self._guard:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


def _nothing(point: str) -> None:
    pass


passing = _Fuse(_POINT, int(_COUNT or 1)).passing if _POINT else _nothing
"""Say that a point is passed; see `POINTS`."""
