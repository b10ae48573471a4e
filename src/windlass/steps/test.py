"""Run the unit tests of each service in what was built for it. A failure stops the release."""

from __future__ import annotations

from pathlib import Path

from windlass import process
from windlass.build.graph import Done, Failed, run_graph
from windlass.build.interface import Builder
from windlass.build.unit_tests import run_unit_tests
from windlass.errors import WindlassError
from windlass.model.artifacts import Built, Tested
from windlass.model.delivery import Results
from windlass.model.events import Emit, ServiceFinished, ServiceOutcome, ServiceStarted
from windlass.steps.layouts import dockerfiles, layout_of
from windlass.steps.tools import Tools


def test(
    built: Results[Built], tools: Tools, builder: Builder | None, folder: Path, kept: Path, emit: Emit
) -> Results[Tested]:
    """Results of the tests; a fingerprint whose tests have passed before is not run again."""
    done: dict[str, Tested] = {}
    failed: dict[str, WindlassError] = dict(built.failed)
    to_run: dict[str, Built] = {}
    for name, image in built.done.items():
        if image.plan.service.test is None:
            done[name] = Tested(image, "none")
        elif image.plan.tested:
            done[name] = Tested(image, "known")
            emit(ServiceFinished("test", name, "reused", 0.0, "passed before, nothing changed"))
        else:
            to_run[name] = image
    if to_run and builder is not None:
        fresh = {name: image.image for name, image in built.done.items() if image.image is not None}
        known = {name: image.digest for name, image in built.done.items()}

        def work(name: str) -> Tested:
            started = tools.clock.now()
            emit(ServiceStarted("test", name))
            image = to_run[name]
            try:
                run_unit_tests(
                    builder,
                    tools.project,
                    image,
                    folder=folder,
                    layout=layout_of(kept, image.plan),
                    scratch=dockerfiles(kept),
                    fresh=fresh,
                    reused=known,
                    emit=emit,
                )
            except WindlassError:
                outcome: ServiceOutcome = "interrupted" if process.ending() else "failed"
                emit(ServiceFinished("test", name, outcome, tools.clock.now() - started))
                raise
            if image.plan.test_fingerprint is not None:
                tools.memory.remember_tests(image.plan.test_fingerprint)
            seconds = tools.clock.now() - started
            emit(ServiceFinished("test", name, "ok", seconds))
            return Tested(image, "passed", seconds)

        outcomes = run_graph(tuple(to_run), {}, tools.project.parallel, work)
        for name, outcome in outcomes.items():
            if isinstance(outcome, Done):
                done[name] = outcome.value
            elif isinstance(outcome, Failed):
                failed[name] = outcome.error
    return Results({name: done[name] for name in built.done if name in done}, failed)
