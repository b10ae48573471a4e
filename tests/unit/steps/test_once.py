from __future__ import annotations

from windlass.model.events import Event, Notice, ServiceProgress
from windlass.steps.once import once


def test_the_way_back_does_not_say_again_what_was_said_on_the_way_there() -> None:
    heard: list[Event] = []
    emit = once(heard.append)
    for _ in range(2):
        emit(Notice("batch is left out: it was not built", "warning"))
        emit(ServiceProgress("deploy", "api", "starting"))
    emit(Notice("connections are cut", "warning"))
    assert [type(event).__name__ for event in heard] == ["Notice", "ServiceProgress", "ServiceProgress", "Notice"]
