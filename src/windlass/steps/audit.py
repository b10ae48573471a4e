"""Is what would be reused what its inputs give? A sample is built and compared; nothing is published."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from windlass.build.interface import Builder, BuildRequest
from windlass.build.requests import build_request
from windlass.errors import BuildFailed, EnvironmentUnusable, WindlassError
from windlass.model.artifacts import LayoutImage
from windlass.model.events import Emit, ServiceFinished, ServiceOutcome, ServiceStarted
from windlass.model.plan import Plan, ServicePlan
from windlass.oci.difference import Content, LayoutContent, differences
from windlass.plan.fingerprint import combine
from windlass.steps.layouts import layout_of, layouts
from windlass.steps.tools import Tools


@dataclass(frozen=True, slots=True)
class Audited:
    """One service: the digest the registry has for it, the one its inputs give now (None: they give none), and what differs.

    No `differences` with two digests means that files have other times, and nothing else.
    """

    service: str
    remembered: str
    rebuilt: str | None
    differences: tuple[str, ...] = ()


def sample(plan: Plan, count: int) -> tuple[ServicePlan, ...]:
    """Which services to look at: as many as asked for of those that are reused, others at each commit, the same on every machine."""
    reused = {item.service.name for item in plan.services if item.action == "reuse" and item.digest is not None}
    fit = [item for item in plan.services if item.service.name in reused and reused.issuperset(item.needs)]
    return tuple(sorted(fit, key=lambda item: combine(plan.source.commit, item.service.name))[:count])


def audit(
    plan: Plan,
    count: int,
    tools: Tools,
    builder: Builder,
    published: Callable[[str], Content],
    folder: Path,
    emit: Emit,
) -> tuple[Audited, ...]:
    """Build a sample of the services that would be reused, and compare each image with the one that is remembered.

    Layer caches are read, so that a RUN whose inputs are the same gives its layer again: from an empty cache it would
    differ by the times of its files at least. Caches are not written.

    Args:
        published: the images of a repository of the registry.
        folder: the source's files.

    Raises:
        EnvironmentUnusable: engine or registry are away.
    """
    images: dict[str, LayoutImage | str] = {
        item.service.name: item.digest for item in plan.services if item.action == "reuse" and item.digest is not None
    }
    done = []
    with (
        layouts(tools.scratch, tools.project.name) as kept,
        tempfile.TemporaryDirectory(prefix="windlass-") as scratch,
    ):
        for item in sample(plan, count):
            started = tools.clock.now()
            emit(ServiceStarted("build", item.service.name))
            layout = layout_of(kept, item)
            request = build_request(
                tools.project, item, tree=folder, layout=layout, scratch=Path(scratch), images=images
            )
            outcome = _audited(item, builder, replace(request, keep_cache=False), published, tools, emit)
            done.append(outcome)
            told: ServiceOutcome = "failed" if outcome.differences else "ok"
            emit(ServiceFinished("build", item.service.name, told, tools.clock.now() - started, outcome.rebuilt or ""))
    return tuple(done)


def _audited(
    item: ServicePlan,
    builder: Builder,
    request: BuildRequest,
    published: Callable[[str], Content],
    tools: Tools,
    emit: Emit,
) -> Audited:
    assert item.digest is not None
    name, remembered = item.service.name, item.digest
    try:
        image = builder.build(request, emit)
    except BuildFailed as error:
        return Audited(name, remembered, None, (f"it cannot be built any more: {error.message}",))
    try:
        found = differences(
            published(tools.project.registry.repository(item.service.image)),
            remembered,
            LayoutContent(image.layout),
            image.digest,
        )
    except EnvironmentUnusable:
        raise
    except (WindlassError, OSError, ValueError, KeyError, tarfile.TarError) as error:
        found = (f"the two cannot be compared: {error}",)
    return Audited(name, remembered, image.digest, found)
