"""One deployer at a time, also from separate clones."""

from __future__ import annotations

import uuid
from pathlib import Path

from tests.engine.deploy.racing import Ended, Racing, judge

ONE = {"services": [{"digest": "sha256:1"}, {"digest": "sha256:same"}]}
TWO = {"services": [{"digest": "sha256:2"}, {"digest": "sha256:same"}]}


def test_of_two_that_start_together_one_deploys(tmp_path: Path) -> None:
    racing = Racing(tmp_path, f"windlass-test-{uuid.uuid4().hex[:8]}")
    try:
        racing.prepare()
        for _ in range(2):
            race = racing.race()
            assert race.wrong == ()
    finally:
        racing.subject.clean()


def test_a_container_of_the_one_that_was_refused_is_found() -> None:
    ended = [Ended(0, ONE, 9), Ended(6, {}, 3)]
    assert judge(ended, [(4, "r/web@sha256:1")], "web a", ["a", "b"]) == []
    assert judge(ended, [(4, "r/web@sha256:1"), (5, "r/web@sha256:2")], "web a", ["a", "b"])


def test_two_at_once_are_found_and_one_after_the_other_is_well() -> None:
    ended = [Ended(0, ONE, 9), Ended(0, TWO, 15)]
    assert judge(ended, [(4, "r/web@sha256:1"), (11, "r/web@sha256:2")], "web b", ["a", "b"]) == []
    assert judge(ended, [(4, "r/web@sha256:1"), (6, "r/web@sha256:2")], "web b", ["a", "b"])
