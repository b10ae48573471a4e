"""Starting and updating the services on a developer's machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from windlass.compose.load import ComposeModel
from windlass.deploy.docker import engine, mounts
from windlass.deploy.docker.containers import worst
from windlass.deploy.docker.pull import pull
from windlass.dev import compose
from windlass.dev.build import from_checkout
from windlass.dev.choice import Choice, choose
from windlass.dev.images import Image, Manifests, resolve
from windlass.dev.model import to_run
from windlass.dev.seen import seen
from windlass.errors import DeploymentFailed, RegistryUnavailable
from windlass.model.events import Emit, Notice, ServiceFinished, ServiceProgress, ServiceStarted
from windlass.model.observation import Observation
from windlass.model.project import Project
from windlass.model.source import Source
from windlass.steps.stopwatch import Stopwatch
from windlass.steps.tools import Tools
from windlass.waiting import Clock, SystemClock


@dataclass(frozen=True)
class Workbench:
    """One checkout on this machine. `compose_project` is what `docker compose up` in the checkout would call it.

    `manifests` is the project's registry; `tools` are the drivers for some platforms, or with None for all that the project is built for.
    """

    project: Project
    source: Source
    model: ComposeModel = field(repr=False)
    compose_project: str
    directory: Path
    manifests: Callable[[], Manifests]
    tools: Callable[[tuple[str, ...] | None], Tools]
    clock: Clock = field(default_factory=SystemClock)

    @property
    def heavy(self) -> frozenset[str]:
        return frozenset(service.name for service in self.project.services if service.heavy)

    @property
    def engine(self) -> str:
        """The engine that the user's `docker` is led to by DOCKER_HOST or a context; "" for the usual one of this machine.

        Raises:
            ConfigError, EngineUnavailable: where that is cannot be read.
        """
        return engine.USERS.reach.shown

    def refuse_elsewhere(self, names: Sequence[str]) -> None:
        """Refuse services that mount the checkout's files on an engine that does not see them. Raises ConfigError."""
        if engine.USERS.remote:
            root = self.project.root
            mounts.refuse_elsewhere(mounts.sources(self.model, tuple(names), root, root), self.engine)

    def observe(self) -> Observation:
        """What runs now, one state a service.

        Raises:
            EngineUnavailable
        """
        found = worst(engine.containers(self.compose_project))
        order = list(self.model.get("services") or {})
        states = [seen(c, engine.host()) for c in found.values()]
        known = {name: number for number, name in enumerate(order)}
        return Observation(tuple(sorted(states, key=lambda s: (known.get(s.service, len(known)), s.service))))


@dataclass(frozen=True, slots=True)
class Request:
    """What to start. `tag` names a release; `checkout` builds from the files as they are instead; `alone` leaves out what
    the named services need."""

    names: tuple[str, ...] = ()
    minimal: bool = False
    tag: str | None = None
    checkout: bool = False
    seconds: float = 180.0
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """What came of it: the image of every service that Windlass builds, what was left out, and whose image changed."""

    choice: Choice
    images: Mapping[str, Image]
    changed: tuple[str, ...]


def start(bench: Workbench, request: Request, emit: Emit) -> Started:
    """Get the images, start the services, wait until they are well.

    Raises:
        UsageError: no such service, or no image under the tag that was asked for.
        RegistryUnavailable, EngineUnavailable, BuildFailed
        DeploymentFailed: a service does not become well.
    """
    watch = Stopwatch(emit, bench.clock)
    profiles = () if request.minimal else tuple(filter(None, os.environ.get("COMPOSE_PROFILES", "").split(",")))
    choice = choose(
        bench.model,
        names=request.names,
        profiles=profiles,
        heavy=bench.heavy,
        minimal=request.minimal,
        alone=request.alone,
    )
    bench.refuse_elsewhere(choice.services)
    before = {state.service: state.image for state in bench.observe().services}
    images = _images(bench, request, choice, watch, emit)
    references = {name: image.reference for name, image in images.items()}
    with watch.stage("start") as verdict:
        if request.minimal and (heavy_ones := [name for name in choice.left_out if name in before]):
            compose.act(bench.compose_project, "stop", *heavy_ones)
            emit(Notice(f"stopped, because heavy: {', '.join(heavy_ones)}"))
        model = to_run(bench.model, choice, references)
        compose.up(
            model,
            bench.compose_project,
            bench.directory,
            seconds=request.seconds,
            clock=bench.clock,
            say=lambda text: emit(ServiceProgress("start", "compose", text)),
        )
        count = len(choice.services)
        verdict.detail = f"{count} service{'' if count == 1 else 's'} well"
    changed = tuple(n for n, image in images.items() if n in before and before[n] != image.reference)
    return Started(choice, images, changed)


def restart(bench: Workbench, names: Sequence[str], seconds: float, emit: Emit) -> None:
    """Restart services that are here, and wait until they are well.

    Raises:
        EngineUnavailable
        DeploymentFailed: a service does not become well.
    """
    watch = Stopwatch(emit, bench.clock)
    with watch.stage("start") as verdict:
        compose.act(bench.compose_project, "restart", *names)
        new = frozenset(c.id for c in engine.containers(bench.compose_project) if c.service in names)
        compose.settle(
            bench.compose_project,
            names,
            new,
            seconds=seconds,
            clock=bench.clock,
            say=lambda text: emit(ServiceProgress("start", "compose", text)),
        )
        verdict.detail = f"{len(names)} service{'' if len(names) == 1 else 's'} well"


def fetch(bench: Workbench, request: Request, emit: Emit) -> Mapping[str, Image]:
    """Get all images a start would need, and start nothing. Raises as `start`."""
    watch = Stopwatch(emit, bench.clock)
    choice = choose(bench.model, names=request.names, heavy=bench.heavy, minimal=request.minimal, alone=request.alone)
    return _images(bench, request, choice, watch, emit)


def _images(bench: Workbench, request: Request, choice: Choice, watch: Stopwatch, emit: Emit) -> dict[str, Image]:
    """The image of every chosen service that has a build; those and all others are on the engine afterwards."""
    buildable = [service for service in bench.project.buildable if service.name in choice.services]
    images: dict[str, Image] = {}
    missing: Sequence[str] = [service.name for service in buildable]
    if not request.checkout and buildable:
        found = resolve(buildable, bench.project.registry, bench.manifests(), request.tag)
        if found.silent is not None:
            emit(Notice(f"the registry could not be asked: {found.silent}", "warning", "images are built here instead"))
        images.update(found.images)
        missing = found.missing
    others = {
        name: str(service["image"])
        for name in choice.services
        if "build" not in (service := bench.model["services"][name]) and service.get("image")
    }
    with watch.stage("pull") as verdict:
        fetched = _pull({**others, **{name: image.reference for name, image in images.items()}}, emit)
        verdict.detail = f"{fetched} pulled" if fetched else "all images are here"
        verdict.outcome = "ok" if fetched else "unchanged"
    if missing:
        with watch.stage("build", tuple(missing)):
            built = from_checkout(missing, bench.source, bench.tools, emit)
        _pull({name: image.reference for name, image in built.items() if image.origin == "registry"}, emit)
        images.update(built)
    return images


def _pull(wanted: Mapping[str, str], emit: Emit) -> int:
    """Pull what the engine does not have; how many images that were."""
    there = engine.images(list(wanted.values()))
    absent = {reference: name for name, reference in wanted.items() if reference not in there}
    for name in absent.values():
        emit(ServiceStarted("pull", name))
    try:
        pull(absent, emit, "pull", engine.USERS)
    except DeploymentFailed as error:  # nothing was deployed here: an image cannot be had
        raise RegistryUnavailable(error.message, where=error.where, remedy=error.remedy) from error
    for name in absent.values():
        emit(ServiceFinished("pull", name, "ok", 0.0))
    return len(absent)
