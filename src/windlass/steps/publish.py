"""Put images into the registry under their digests and immutable tags, and remember what they were made from."""

from __future__ import annotations

from collections.abc import Callable

from windlass.build.graph import Done, Failed, run_graph
from windlass.errors import WindlassError
from windlass.model.artifacts import Published, Scanned
from windlass.model.delivery import Results
from windlass.model.events import Emit, ServiceFinished, ServiceOutcome, ServiceProgress, ServiceStarted
from windlass.model.source import Source
from windlass.plan.fingerprint import built_on
from windlass.steps.scan import summary
from windlass.steps.tools import Tools

_PARALLEL = 4


def publish(
    scanned: Results[Scanned], source: Source, tags: tuple[str, ...], tools: Tools, emit: Emit
) -> Results[Published]:
    """Publish each image: uploaded when it was built now, otherwise only tagged (the whole index, all platforms)."""

    def work(name: str) -> Published:
        item = scanned.done[name]
        built = item.tested.built
        repository = tools.project.registry.repository(built.plan.service.image)
        fingerprint = built.plan.fingerprint
        started = tools.clock.now()
        uploaded = 0
        emit(ServiceStarted("publish", name))
        if built.image is not None:
            uploaded = tools.images.push(built.image, repository, tags, _said(name, emit)).uploaded
            if fingerprint.digest is not None:
                key = built_on(fingerprint.digest, built.on)
                tools.memory.remember(repository, key, built.digest, fingerprint.inputs, source.branch)
        else:
            tools.images.tag(repository, built.digest, tags)
        outcome: ServiceOutcome = "ok" if built.image is not None else "reused"
        detail = f"{_size(uploaded)} uploaded" if uploaded else "nothing to upload"
        emit(ServiceFinished("publish", name, outcome, tools.clock.now() - started, detail))
        return Published(
            service=name,
            repository=repository,
            digest=built.digest,
            tags=tags,
            fingerprint=fingerprint.digest,
            built=built.image is not None,
            scanned=summary(item.report),
            uploaded=uploaded,
        )

    outcomes = run_graph(tuple(scanned.done), {}, _PARALLEL, work)
    done: dict[str, Published] = {}
    failed: dict[str, WindlassError] = dict(scanned.failed)
    for name, result in outcomes.items():
        if isinstance(result, Done):
            done[name] = result.value
        elif isinstance(result, Failed):
            failed[name] = result.error
            emit(ServiceFinished("publish", name, "failed", 0.0, result.error.message))
    return Results(done, failed)


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 50_000 else f"{size / 1e3:.1f} kB"


def _said(service: str, emit: Emit) -> Callable[[int, int], None]:
    """Says how much of an image is there, once a percent."""
    last = [-1]

    def heard(done: int, total: int) -> None:
        percent = 100 * done // max(1, total)
        if percent != last[0]:
            last[0] = percent
            emit(ServiceProgress("publish", service, f"uploading {total / 1e6:.1f} MB: {percent}%"))

    return heard
