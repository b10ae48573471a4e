"""A deployment and its way back prepare a release each: what both have to say is said once."""

from __future__ import annotations

from windlass.model.events import Emit, Event, Notice


def once(emit: Emit) -> Emit:
    """A sink that passes each notice on the first time only, and every other event always."""
    said: set[Notice] = set()

    def hear(event: Event) -> None:
        if isinstance(event, Notice):
            if event in said:
                return
            said.add(event)
        emit(event)

    return hear
