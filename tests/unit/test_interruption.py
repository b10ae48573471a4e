"""A signal that Python drops is heard all the same."""

from __future__ import annotations

import signal
import sys
import weakref
from collections.abc import Iterator

import pytest

from windlass import interruption
from windlass.model.events import Event
from windlass.steps.stopwatch import Stopwatch
from windlass.testing.clock import ManualClock

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.signal(number, signal.SIG_DFL) for number in NUMBERS}  # under nohup, one is ignored
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    interruption.heard()


class Thing:
    pass


@pytest.mark.parametrize("number", NUMBERS)
def test_one_that_comes_in_a_callback_stops_the_next_stage(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    dropped: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda said: dropped.append(said.exc_type))
    interruption.listen()
    thing = Thing()
    reference = weakref.ref(thing, lambda _: signal.raise_signal(number))
    del thing
    assert dropped == [KeyboardInterrupt] and reference() is None
    begun: list[Event] = []
    with pytest.raises(KeyboardInterrupt), Stopwatch(begun.append, ManualClock()).stage("deploy"):
        raise AssertionError("it went on")
    assert begun == []
    interruption.honour()  # once is enough


def test_one_that_was_heard_stops_nothing_that_is_done_because_of_it() -> None:
    interruption.listen()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    interruption.heard()
    with Stopwatch(lambda event: None, ManualClock()).stage("record") as verdict:
        pass
    assert verdict.outcome == "ok"


def test_what_is_ignored_from_outside_stays_so() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interruption.listen()
    signal.raise_signal(signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
