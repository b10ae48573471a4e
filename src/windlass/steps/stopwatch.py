"""Stages are timed and announced in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from windlass import interruption
from windlass.model.delivery import StageReport
from windlass.model.events import Emit, StageFinished, StageName, StageOutcome, StageStarted
from windlass.waiting import Clock


class Verdict:
    """What a stage says of itself before it ends; ok unless told otherwise."""

    def __init__(self) -> None:
        self.outcome: StageOutcome = "ok"
        self.detail = ""


class Stopwatch:
    """Collects a report of each stage, in order. A stage that raises is reported as failed, or as interrupted."""

    def __init__(self, emit: Emit, clock: Clock) -> None:
        self._emit = emit
        self._clock = clock
        self.reports: list[StageReport] = []
        self._next: list[tuple[StageName, Callable[[], object]]] = []

    def then(self, name: StageName, begin: Callable[[], object]) -> None:
        """Have something begun when a stage has ended well."""
        self._next.append((name, begin))

    @contextmanager
    def stage(self, name: StageName, services: tuple[str, ...] = ()) -> Iterator[Verdict]:
        """Raises KeyboardInterrupt before it begins: somebody asked for it."""
        interruption.honour()
        verdict = Verdict()
        started = self._clock.now()
        self._emit(StageStarted(name, services))
        try:
            yield verdict
        except BaseException as error:
            verdict.outcome = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            raise
        finally:
            seconds = self._clock.now() - started
            self.reports.append(StageReport(name, round(seconds, 3), verdict.outcome))
            self._emit(StageFinished(name, verdict.outcome, seconds, verdict.detail))
        for after, begin in self._next:
            if after == name:
                begin()
