"""What is begun when a stage has ended."""

from __future__ import annotations

import pytest

from windlass.model.events import silent
from windlass.steps.stopwatch import Stopwatch
from windlass.testing.clock import ManualClock


def test_what_is_to_begin_after_a_stage_begins_when_it_ended_well_and_not_otherwise() -> None:
    begun: list[str] = []
    watch = Stopwatch(silent, ManualClock())
    watch.then("verify", lambda: begun.append("caches"))
    with watch.stage("deploy"):
        pass
    with pytest.raises(ValueError), watch.stage("verify"):
        raise ValueError
    assert begun == []
    with watch.stage("verify"):
        assert begun == []
    assert begun == ["caches"]
