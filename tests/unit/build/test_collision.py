"""An export that ran into itself is tried again; everything else is a failure."""

from __future__ import annotations

import pytest

from windlass.build.failure import collided
from windlass.build.log import PlainReader, Transcript

LOCKED = (
    "ERROR: (*service).Write failed: rpc error: code = Unavailable desc = ref layer-sha256:bdd0 locked for 290.994395ms "
    "(since 2026-11-23 15:44:09 +0000 UTC m=+0.368455279): unavailable"
)


@pytest.mark.parametrize(
    ("said", "again"),
    [
        (LOCKED, True),
        ("ERROR: failed to solve: process did not complete successfully: exit code: 1", False),
        ("", False),
    ],
)
def test_only_a_collision_is_tried_again(said: str, again: bool) -> None:
    transcript = Transcript("web", "build", PlainReader())
    list(transcript.feed(said))
    assert collided(transcript) is again
