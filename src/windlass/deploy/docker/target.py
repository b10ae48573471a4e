"""A Docker engine as a target: Docker Compose runs the release, watched and judged here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from windlass import process
from windlass.compose.load import project_directory
from windlass.deploy import environ
from windlass.deploy.docker import changes, engine, logs, mounts, naming, partial
from windlass.deploy.docker.containers import Container, to_state, worst
from windlass.deploy.docker.fence import Fence, Seen
from windlass.deploy.docker.loading import Loaded, load_release
from windlass.deploy.docker.model import Selection, select, to_run
from windlass.deploy.docker.pull import pull
from windlass.deploy.docker.up import Compose, bring_up, compose_command, compose_refusal
from windlass.deploy.interface import Checked, Deployed, LogLine, Prepared
from windlass.errors import ConfigError, DeploymentFailed
from windlass.git.repository import Repository
from windlass.model.events import Emit, Notice, StageName
from windlass.model.observation import Endpoint, Observation
from windlass.model.project import Environment, Project
from windlass.model.release import Release
from windlass.waiting import Clock, SystemClock


@dataclass(frozen=True, slots=True)
class _Ready:
    """A prepared release: what is given to Compose, and the configuration hash each service must come to run."""

    prepared: Prepared
    compose: Compose
    wanted: Mapping[str, str]


class DockerTarget:
    """One environment on the Docker engine that the `docker` program talks to.

    Args:
        repository: where releases' trees are; its checkout provides untracked files.
        home: a folder of this machine for bind-mounted copies and the environment's state.
    """

    def __init__(
        self,
        project: Project,
        environment: Environment,
        repository: Repository,
        *,
        home: Path,
        clock: Clock | None = None,
    ) -> None:
        self._project = project
        self._environment = environment
        self._repository = repository
        self._home = home
        self._clock = clock or SystemClock()
        self._name = naming.compose_project(project.name, environment.name)
        self._own = home / "environments" / self._name
        self._fence = Fence(self._own / "state.json")
        self._ready: dict[str, _Ready] = {}
        self._networks: frozenset[str] | None = None  # of the release that was switched to

    @property
    def name(self) -> str:
        """The Compose project's name."""
        return self._name

    def prepare(self, release: Release, emit: Emit) -> Prepared:
        return self._prepare(release, emit, "deploy").prepared

    def check(self, prepared: Prepared, emit: Emit) -> Checked:
        """Compose replaces containers in place, so there is nothing beside the old ones to ask."""
        return Checked(prepared, beside=False)

    def switch(self, checked: Checked, sequence: int, emit: Emit) -> Deployed:
        release = checked.prepared.release
        ready = self._ready.get(release.id) or self._prepare(release, emit, "deploy")
        return self._switch(ready, sequence, emit, "deploy")

    def retire(self, deployed: Deployed, emit: Emit) -> None:
        """Remove networks that the release does not have. Containers are gone already; volumes are never removed."""
        if self._networks is not None:
            unused = engine.unused_networks(self._name)
            engine.remove_networks([id for key, id in unused.items() if key not in self._networks])

    def restore(self, release: Release, sequence: int, emit: Emit) -> Deployed:
        return self._switch(self._prepare(release, emit, "restore"), sequence, emit, "restore")

    def observe(self) -> Observation:
        return self._observation(engine.containers(self._name), self._fence.read())

    def endpoint(self, service: str, port: int) -> Endpoint | None:
        state = self.observe().service(service)
        if state is None:
            return None
        if port == 0:
            return state.ports[0][1] if len(state.ports) == 1 else None
        return dict(state.ports).get(port)

    def logs(self, service: str | None, *, tail: int, follow: bool, on_line: Callable[[LogLine], None]) -> None:
        if not follow:
            there = [c for c in engine.containers(self._name) if service in (None, c.service)]
            logs.recent(there, tail, on_line)
            return

        def hear(line: str) -> None:
            if (parsed := logs.parse_followed(line)) is not None:
                on_line(parsed)

        process.stream(logs.follow_command(self._name, service, tail), hear)

    # -- the steps of prepare ---------------------------------------------------------------------------------------

    def _prepare(self, release: Release, emit: Emit, stage: StageName) -> _Ready:
        known = environ.variables(
            self._repository.root,
            self._environment.env_files,
            default=f"{project_directory(release.compose)}/.env",
        )
        environ.require(self._environment.secrets, known, environment=self._environment.name)
        with ThreadPoolExecutor(1) as beside:  # two programs that do not need each other: nothing to do must be quick
            loading = beside.submit(
                load_release, self._repository, release, env_files=self._environment.env_files, project=self._name
            )
            answered = engine.connect()
            loaded = loading.result()
        for name in loaded.unset:
            emit(Notice(f"the variable {name} has no value: Compose takes it as empty", "warning"))
        selection = select(loaded.model, release, release.profiles or self._environment.profiles)
        for service, reason in selection.excluded.items():
            emit(Notice(f"{service} is left out: {reason}", "warning"))
        images = self._images(loaded, selection, release, emit, stage)
        runnable = to_run(
            loaded.model,
            release,
            selection,
            project=self._project.name,
            environment=self._environment,
            mounts=self._mounts(loaded, selection, release, emit),
            image_health={service: image.health for service, (_, image) in images.items()},
            quick_start=answered.knows_start_interval,
        )
        self._own.mkdir(parents=True, exist_ok=True)
        plain = Compose(
            self._name, partial.without_order(runnable.model), self._own, _referenced(runnable.model, known)
        )
        with ThreadPoolExecutor(1) as beside:
            looking = beside.submit(engine.containers, self._name)
            hashes = partial.with_resources(plain.model, self._hashes(plain, release), plain.environ)
            there = looking.result()
        compose = replace(plain, model=partial.with_hashes(runnable.model, hashes))
        wanted = {service: digest for service, digest in hashes.items() if runnable.replicas.get(service, 1) > 0}
        ids = {service: (reference, image.id) for service, (reference, image) in images.items()}
        computed = changes.with_lodgers(
            changes.compute(wanted, there, ids, runnable.replicas), lambda names: partial.affected(compose.model, names)
        )
        ready = _Ready(Prepared(release, computed), compose, wanted)
        self._ready[release.id] = ready
        return ready

    def _images(
        self, loaded: Loaded, selection: Selection, release: Release, emit: Emit, stage: StageName
    ) -> dict[str, tuple[str, engine.Image]]:
        """Service → (reference, image), pulled where it is missing or the user wants it pulled always."""
        wanted: dict[str, str] = {}
        always: set[str] = set()
        for name in selection.services:
            released, service = release.service(name), loaded.model["services"][name]
            wanted[name] = released.reference if released is not None else str(service["image"])
            if released is None and service.get("pull_policy") == "always":
                always.add(wanted[name])
        found = engine.images(list(wanted.values()))
        missing = {ref: name for name, ref in wanted.items() if ref not in found or ref in always}
        if missing:
            pull(missing, emit, stage)
            found |= engine.images(list(missing))
        return {name: (reference, found[reference]) for name, reference in wanted.items() if reference in found}

    def _mounts(self, loaded: Loaded, selection: Selection, release: Release, emit: Emit) -> dict[str, str]:
        tree, paths = release.tree, {}
        for source in mounts.sources(loaded.model, selection.services, loaded.root, loaded.base):
            inside = source.relative is not None and source.relative.split("/")[0] != ".."
            entry = self._repository.entry(tree, source.relative or ".") if inside else None
            decision = mounts.decide(
                source,
                entry,
                substantial=entry is not None
                and entry.kind == "tree"
                and mounts.has_content(self._repository, tree, source.relative or "."),
                in_checkout=inside and (self._repository.root / (source.relative or ".")).exists(),
            )
            paths[source.loaded] = mounts.provide(
                decision, self._repository, tree, home=self._home, own=self._own, emit=emit
            )
        return paths

    def _hashes(self, compose: Compose, release: Release) -> dict[str, str]:
        """Configuration hashes as Compose itself computes them; it validates the model on the way."""
        command = compose_command(compose.project, compose.directory, "config", "--hash", "*")
        done = process.run(command, env=compose.environ, input=compose.document)
        if not done.ok:
            raise ConfigError(
                compose_refusal(done.stderr.splitlines()) or "Docker Compose refuses the configuration",
                where=", ".join(release.compose),
                remedy="docker compose config shows more",
            )
        return changes.parse_hashes(done.stdout)

    # -- the steps of switch ----------------------------------------------------------------------------------------

    def _switch(self, ready: _Ready, sequence: int, emit: Emit, stage: StageName) -> Deployed:
        release = ready.prepared.release
        with self._fence.entered(sequence) as seen:
            try:
                if not ready.prepared.nothing_to_do:
                    self._apply_firmly(ready, emit, stage)
            finally:
                there = engine.containers(self._name)
                after = _remember(seen, sequence, release, ready.wanted, there)
                self._fence.write(after)
        self._ready.pop(release.id, None)  # the next switch must look again
        self._networks = frozenset(ready.compose.model.get("networks") or ())
        return Deployed(release, self._observation(there, after))

    def _apply_firmly(self, ready: _Ready, emit: Emit, stage: StageName) -> None:
        """Apply; and once more when a container that was to stay has died meanwhile: an interrupted deployment may have
        told the engine to stop it, and the engine goes on with that."""
        try:
            self._apply(ready, emit, stage)
        except DeploymentFailed:
            kept = {change.service for change in ready.prepared.changes if change.action == "keep"}
            again = self._prepare(ready.prepared.release, emit, stage)
            if not any(change.service in kept and change.action != "keep" for change in again.prepared.changes):
                raise
            self._apply(again, emit, stage)

    def _apply(self, ready: _Ready, emit: Emit, stage: StageName) -> None:
        changed = [c.service for c in ready.prepared.changes if c.action in ("create", "recreate")]
        gone = {c.service for c in ready.prepared.changes if c.action == "remove"}
        there = engine.containers(self._name)
        engine.remove(
            [c.id for c in there if c.service in gone]
            + [c.id for c in changes.in_the_way(there, set(changed), ready.wanted)]
        )
        if not changed:
            return
        stay = {container.service: container.id for container in there if container.state != "exited"}
        bring_up(
            replace(ready.compose, model=partial.part(ready.compose.model, changed, stay)),
            ready.wanted,
            changed,
            seconds=self._environment.ready_timeout,
            clock=self._clock,
            emit=emit,
            stage=stage,
        )

    def _observation(self, there: list[Container], seen: Seen) -> Observation:
        host = engine.host()
        return Observation(
            tuple(
                to_state(container, release=seen.release_of(service, container.config_hash), engine_host=host)
                for service, container in sorted(worst(there).items())
            )
        )


def _remember(seen: Seen, sequence: int, release: Release, wanted: Mapping[str, str], there: list[Container]) -> Seen:
    """Which release each service that is there came from."""
    releases: dict[str, tuple[str, str]] = {}
    for service, container in worst(there).items():
        if container.config_hash == wanted.get(service):
            releases[service] = (container.config_hash, release.id)
        elif service in seen.releases:
            releases[service] = seen.releases[service]
    return Seen(sequence, releases)


def _referenced(model: Mapping[str, object], known: Mapping[str, str]) -> dict[str, str]:
    """The variables that secrets and configs are made from: Compose reads those when it starts containers."""
    names = set()
    for kind in ("secrets", "configs"):
        resources = json.loads(json.dumps(model.get(kind) or {}))
        names |= {resource["environment"] for resource in resources.values() if (resource or {}).get("environment")}
    return {name: known[name] for name in names if name in known}
