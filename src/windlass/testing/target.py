"""A target in memory, which fails in every way a real one can when told to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from windlass.deploy.interface import Change, Checked, Deployed, LogLine, Meanwhile, Prepared
from windlass.errors import ConfigError, DeploymentFailed, EngineUnavailable, Locked
from windlass.model.events import Emit, ServiceFinished, ServiceProgress, ServiceStarted, StageName
from windlass.model.observation import Endpoint, Health, Observation, ServiceState
from windlass.model.release import Release, ReleasedService

Trouble: TypeAlias = Literal[
    "missing image",
    "missing variable",
    "engine gone",
    "check fails",
    "never ready",
    "crash loop",
    "errors after the switch",
    "interrupted",
]

_PREPARING = ("missing image", "missing variable", "engine gone")
_HEALTH: dict[Trouble, Health] = {"never ready": "starting", "crash loop": "restarting"}


@dataclass
class FakeTarget:
    """Runs nothing. `troubles` maps a release id to what goes wrong with it, in `switch` and `restore` alike.

    `calls` records (method, release id); `running` is what `observe` answers; `said` is what `logs` gives; `ports` maps
    (service, container port) to its endpoint. `also` names services that a release starts beside its own, `inactive`
    those of its own that are not run, `single` those that are stopped and started, `pruned` the digests of images that it has not; all others are there.
    """

    troubles: dict[str, Trouble] = field(default_factory=dict)
    ports: dict[tuple[str, int], Endpoint] = field(default_factory=dict)
    said: list[LogLine] = field(default_factory=list)
    also: tuple[str, ...] = ()
    inactive: tuple[str, ...] = ()
    single: tuple[str, ...] = ()
    pruned: set[str] = field(default_factory=set)
    calls: list[tuple[str, str]] = field(default_factory=list)
    running: dict[str, ServiceState] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    sequence: int = 0

    def prepare(self, release: Release, emit: Emit, *, pulling: bool = True) -> Prepared:
        self.calls.append(("prepare", release.id))
        return self._prepare(release, pulling)

    def lacking(self, release: Release) -> tuple[ReleasedService, ...]:
        absent = release.services[:1] if self.troubles.get(release.id) == "missing image" else ()
        return tuple(one for one in release.active if one.digest in self.pruned or one in absent)

    def check(self, prepared: Prepared, emit: Emit, sequence: int | None = None) -> Checked:
        self.calls.append(("check", prepared.release.id))
        if self.troubles.get(prepared.release.id) == "check fails":
            raise DeploymentFailed("the check failed", evidence=self._evidence(prepared.release, "check fails"))
        return Checked(prepared, beside=False)

    def switch(self, checked: Checked, sequence: int, emit: Emit) -> Deployed:
        self.calls.append(("switch", checked.prepared.release.id))
        return self._switch(checked.prepared, sequence, emit, "deploy")

    def endpoint_beside(self, checked: Checked, service: str, port: int) -> Endpoint | None:
        return self.endpoint(service, port) if checked.beside else None

    def watch(self, deployed: Deployed, emit: Emit, meanwhile: Meanwhile | None = None) -> None:
        release = deployed.release
        if self.troubles.get(release.id) == "errors after the switch":
            raise DeploymentFailed(
                f"{release.services[0].name}: 9 of 10 requests failed after the switch",
                evidence=self._evidence(release, "errors after the switch"),
            )

    def retire(self, deployed: Deployed, emit: Emit) -> None:
        self.calls.append(("retire", deployed.release.id))
        wanted = self._wanted(deployed.release)
        self.running = {name: state for name, state in self.running.items() if name in wanted}

    def restore(self, release: Release, sequence: int, emit: Emit) -> Deployed:
        self.calls.append(("restore", release.id))
        return self._switch(self._prepare(release), sequence, emit, "restore")

    def observe(self) -> Observation:
        return Observation(tuple(self.running[name] for name in sorted(self.running)), self.missing)

    def differences(self, prepared: Prepared) -> Mapping[str, tuple[str, ...]]:
        """Of images alone."""
        found = {}
        for service in prepared.release.services:
            state = self.running.get(service.name)
            if state is not None and state.digest != service.digest:
                found[service.name] = (f"image: {state.image}, not {service.reference}",)
        return found

    def endpoint(self, service: str, port: int) -> Endpoint | None:
        if service not in self.running:
            return None
        mine = [where for (name, _), where in self.ports.items() if name == service]
        if port == 0:
            return mine[0] if len(mine) == 1 else None
        return self.ports.get((service, port))

    def logs(self, service: str | None, *, tail: int, follow: bool, on_line: Callable[[LogLine], None]) -> None:
        mine = [line for line in self.said if service in (None, line.service)]
        for line in mine[-tail:] if tail > 0 else []:
            on_line(line)

    def _prepare(self, release: Release, pulling: bool = True) -> Prepared:
        trouble = self.troubles.get(release.id)
        if trouble == "missing image" and pulling:
            raise DeploymentFailed(
                "the image cannot be pulled: not found",
                where=release.services[0].name,
                evidence=self._evidence(release, trouble),
            )
        if trouble == "missing variable":
            raise ConfigError("this secret is not set: TOKEN", where="windlass.yaml")
        if trouble == "engine gone":
            raise EngineUnavailable("the container engine does not answer", remedy="start it")
        return Prepared(release, self._changes(release))

    def _changes(self, release: Release) -> tuple[Change, ...]:
        wanted = self._wanted(release)
        changes = [self._change(name, digest) for name, digest in wanted.items()]
        gone = sorted(self.running.keys() - wanted.keys())
        return (*changes, *(Change(name, "remove", "the release does not have it") for name in gone))

    def _change(self, name: str, digest: str | None) -> Change:
        now = self.running.get(name)
        if now is None:
            return Change(name, "create", "not there yet")
        if now.digest != digest:
            return Change(name, "recreate", "its image changed", noticed=name in self.single)
        return Change(name, "keep") if now.well else Change(name, "recreate", f"it is {now.health}")

    def _switch(self, prepared: Prepared, sequence: int, emit: Emit, stage: StageName) -> Deployed:
        release = prepared.release
        if sequence < self.sequence:
            raise Locked(f"a newer deployment (number {self.sequence}) has been here")
        self.sequence = sequence
        trouble = self.troubles.get(release.id)
        if trouble == "interrupted":
            raise KeyboardInterrupt
        changed = [change.service for change in prepared.changes if change.action in ("create", "recreate")]
        health: Health = _HEALTH.get(trouble, "healthy") if trouble else "healthy"
        for name in changed:
            emit(ServiceStarted(stage, name))
            emit(ServiceProgress(stage, name, "starting"))
        wanted = self._wanted(release)
        kept = {name: state for name, state in self.running.items() if name in wanted and name not in changed}
        gone = {} if stage == "restore" else {n: state for n, state in self.running.items() if n not in wanted}
        self.running = gone | {
            name: self._state(name, digest, release, "healthy" if name in kept else health)
            for name, digest in wanted.items()
        }
        for name in changed:
            emit(ServiceFinished(stage, name, "failed" if trouble in _HEALTH else "ok", 0.0, trouble or "healthy"))
        if trouble in _HEALTH and changed:
            raise DeploymentFailed(f"{changed[0]}: {trouble}", evidence=self._evidence(release, str(trouble)))
        return Deployed(release, self.observe())

    def _wanted(self, release: Release) -> dict[str, str | None]:
        released = {service.name: service.digest for service in release.services if service.name not in self.inactive}
        return released | dict.fromkeys(self.also)

    def _state(self, name: str, digest: str | None, release: Release, health: Health) -> ServiceState:
        ports = tuple((port, where) for (service, port), where in self.ports.items() if service == name)
        image = release.service(name)
        return ServiceState(
            service=name,
            health=health,
            image=image.reference if image else name,
            digest=digest,
            release=release.id,
            since="2030-01-01T00:00:00Z",
            ports=ports,
            container=f"fake-{name}-1",
        )

    @staticmethod
    def _evidence(release: Release, trouble: str) -> dict[str, tuple[str, ...]]:
        return {service.name: (trouble, "last log line") for service in release.services[:1]}
