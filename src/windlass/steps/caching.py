"""Writing layer caches beside the rest of a delivery: they are for other machines, and nobody here waits for them."""

from __future__ import annotations

import threading
from types import TracebackType

from windlass.build.interface import Builder
from windlass.model.events import Emit, Notice


class LayerCaches:
    """What a builder has built is cached by the end of a `with` block; `begin` starts that earlier, beside what
    is done meanwhile. A block that is stopped by hand waits for nothing."""

    def __init__(self, builder: Builder | None, emit: Emit) -> None:
        self._emit = emit
        self._writing = None if builder is None else threading.Thread(target=builder.write_caches, daemon=True)

    def begin(self) -> None:
        if self._writing is not None and self._writing.ident is None:
            self._writing.start()

    def __enter__(self) -> LayerCaches:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._writing is None or (kind is not None and not issubclass(kind, Exception)):
            return
        self.begin()
        self._writing.join(_PATIENCE)
        if self._writing.is_alive():
            self._emit(Notice("layer caches for other machines are still being written"))
            self._writing.join()


_PATIENCE = 2.0
"""Seconds until the wait is told."""
