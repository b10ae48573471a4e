"""Build what the plan says, as parallel as the graph and the limit allow."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from windlass import process
from windlass.build.graph import Done, Failed, run_graph
from windlass.build.interface import Builder
from windlass.build.pointers import refuse_pointers
from windlass.build.requests import build_request
from windlass.build.tidy import drop_partial, tidy
from windlass.errors import BuildFailed, EnvironmentUnusable, WindlassError
from windlass.model.artifacts import Built, LayoutImage
from windlass.model.delivery import Results
from windlass.model.events import Emit, ServiceFinished, ServiceOutcome, ServiceStarted
from windlass.model.plan import Plan, ServicePlan
from windlass.steps.layouts import dockerfiles, layout_of
from windlass.steps.tools import Tools


def build(plan: Plan, tools: Tools, builder: Builder | None, folder: Path, kept: Path, emit: Emit) -> Results[Built]:
    """Images of all planned services: built now, or known to be in the registry.

    A service that fails stops those built from it and no other. `folder` holds the source's files; `kept` the project's
    layouts; `builder` may be None when nothing has to be built.
    """
    done: dict[str, Built] = {}
    failed: dict[str, WindlassError] = {
        name: BuildFailed(reason, where=name, remedy="correct it; the other services go on without")
        for name, reason in plan.failed.items()
    }
    for service in plan.services:
        if service.action == "reuse" and service.digest is not None:
            done[service.service.name] = Built(service, service.digest, None)
            emit(ServiceFinished("build", service.service.name, "reused", 0.0, "; ".join(service.reasons)))

    waiting = [service for service in plan.services if service.service.name not in done]
    if not waiting or builder is None:
        return Results(done, failed)
    to_build = {service.service.name: service for service in waiting}
    images: dict[str, LayoutImage | str] = {name: built.digest for name, built in done.items()}
    twins = _twins(waiting)

    def work(name: str) -> Built:
        started = tools.clock.now()
        emit(ServiceStarted("build", name))
        try:
            refuse_pointers(name, to_build[name].lfs, folder)
        except BuildFailed:
            emit(ServiceFinished("build", name, "failed", tools.clock.now() - started))
            raise
        if isinstance(same := images.get(twins.get(name, "")), LayoutImage):
            images[name] = same
            emit(ServiceFinished("build", name, "ok", 0.0, same.digest))
            return Built(to_build[name], same.digest, same, on=_on(to_build[name], images))
        request = build_request(
            tools.project,
            to_build[name],
            tree=folder,
            layout=layout_of(kept, to_build[name]),
            scratch=dockerfiles(kept),
            images=images,
            fresh=to_build[name].fresh,
        )
        try:
            image = builder.build(request, emit)
        except WindlassError as error:
            drop_partial(request.layout)
            if isinstance(error, EnvironmentUnusable):  # a full disk: what can be made again makes room
                shutil.rmtree(request.layout, ignore_errors=True)
            outcome: ServiceOutcome = "interrupted" if process.ending() else "failed"
            emit(ServiceFinished("build", name, outcome, tools.clock.now() - started))
            raise
        tidy(image.layout, image.digest)
        images[name] = image
        seconds = tools.clock.now() - started
        emit(ServiceFinished("build", name, "ok", seconds, image.digest))
        return Built(to_build[name], image.digest, image, seconds, _on(to_build[name], images))

    needs = {
        name: tuple(need for need in (*plan_.needs, *filter(None, [twins.get(name)])) if need in to_build)
        for name, plan_ in to_build.items()
    }
    outcomes = run_graph(tuple(to_build), needs, tools.project.parallel, work)
    for name, outcome in outcomes.items():
        if isinstance(outcome, Done):
            done[name] = outcome.value
        elif isinstance(outcome, Failed):
            failed[name] = outcome.error
        else:
            failed[name] = BuildFailed(f"not built, because {outcome.because_of} failed", where=name)
            emit(ServiceFinished("build", name, "skipped", 0.0, f"needs {outcome.because_of}"))
    return Results({name: done[name] for name in _order(plan) if name in done}, failed)


def _twins(services: Iterable[ServicePlan]) -> dict[str, str]:
    """Services that run the very image of an earlier one: service → that one. It is built once; a second build would
    write to the same layout at the same time."""
    first: dict[str, str] = {}
    return {
        plan.service.name: earlier
        for plan in services
        if (earlier := first.setdefault(plan.service.image, plan.service.name)) != plan.service.name
    }


def _on(plan: ServicePlan, images: Mapping[str, LayoutImage | str]) -> dict[str, str]:
    """The images that a service was built from."""
    found = {name: images[name] for name in plan.needs}
    return {name: image if isinstance(image, str) else image.digest for name, image in found.items()}


def _order(plan: Plan) -> list[str]:
    return [service.service.name for service in plan.services]
