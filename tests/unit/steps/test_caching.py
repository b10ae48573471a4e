"""Layer caches are written beside the rest, and by the end."""

from __future__ import annotations

import threading

import pytest

from windlass.model.events import Event, Notice, silent
from windlass.steps import caching
from windlass.steps.caching import LayerCaches
from windlass.testing.builder import FakeBuilder


class SlowBuilder(FakeBuilder):
    """Its caches are written once `go` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.written = False

    def write_caches(self) -> None:
        self.written = self.go.wait(30)


def test_they_are_written_beside_what_comes_after_and_are_there_at_the_end() -> None:
    builder = SlowBuilder()
    with LayerCaches(builder, silent) as caches:
        caches.begin()
        assert not builder.written
        builder.go.set()
    assert builder.written


def test_they_are_written_also_when_what_comes_after_fails_before_they_were_begun() -> None:
    builder = SlowBuilder()
    builder.go.set()
    with pytest.raises(ValueError), LayerCaches(builder, silent):
        raise ValueError
    assert builder.written


def test_who_stops_by_hand_does_not_wait_for_them() -> None:
    builder = SlowBuilder()
    with pytest.raises(KeyboardInterrupt), LayerCaches(builder, silent) as caches:
        caches.begin()
        raise KeyboardInterrupt
    assert not builder.written
    builder.go.set()


def test_a_long_wait_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching, "_PATIENCE", 0.0)
    builder = SlowBuilder()
    told: list[Event] = []

    def hear(event: Event) -> None:
        told.append(event)
        builder.go.set()

    with LayerCaches(builder, hear):
        pass
    assert builder.written
    assert [type(event) for event in told] == [Notice]


def test_without_a_builder_there_is_nothing_to_write() -> None:
    with LayerCaches(None, silent) as caches:
        caches.begin()
