"""A Docker engine as a target: Docker Compose runs the release, watched and judged here, behind an edge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from windlass import process
from windlass.deploy.docker import engine, logs, naming
from windlass.deploy.docker.containers import Container, endpoints, to_state, worst
from windlass.deploy.docker.edge import compose as edge_compose
from windlass.deploy.docker.edge.board import Board
from windlass.deploy.docker.edge.commands import Tally
from windlass.deploy.docker.edge.edges import Edges
from windlass.deploy.docker.edge.judge import Look, judge
from windlass.deploy.docker.explain import explain
from windlass.deploy.docker.fence import Fence, Seen
from windlass.deploy.docker.preparing import Preparer, Ready
from windlass.deploy.docker.rolling import Rolling
from windlass.deploy.interface import Checked, Deployed, LogLine, Prepared
from windlass.errors import DeploymentFailed
from windlass.git.repository import Repository
from windlass.model.events import Emit, Notice, StageName
from windlass.model.observation import Endpoint, Observation
from windlass.model.project import Environment, Project
from windlass.model.release import Release
from windlass.waiting import Clock, DeadlinePassed, SystemClock, wait_for

_EVERY = 0.5
_EVIDENCE_LINES = 30


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
        self._environment = environment
        self._clock = clock or SystemClock()
        self._name = naming.compose_project(project.name, environment.name)
        own = home / "environments" / self._name
        self._fence = Fence(own / "state.json")
        self._edges = Edges(own / "edge.json")
        self._rolling = Rolling(environment, self._name, self._edges, log=own / "removal.log", clock=self._clock)
        self._preparer = Preparer(
            project, environment, repository, name=self._name, home=home, own=own, board=self._rolling.board
        )
        self._ready: dict[str, Ready] = {}
        self._begun: Ready | None = None
        self._networks: frozenset[str] | None = None  # of the release that was switched to
        self._turned: tuple[float, Mapping[str, Look]] | None = None

    @property
    def name(self) -> str:
        """The Compose project's name."""
        return self._name

    def prepare(self, release: Release, emit: Emit) -> Prepared:
        return self._prepare(release, emit, "deploy").prepared

    def check(self, prepared: Prepared, emit: Emit, sequence: int | None = None) -> Checked:
        """Start what can stand beside what runs, and wait until it is well."""
        ready = self._ready.get(prepared.release.id) or self._prepare(prepared.release, emit, "deploy")
        if ready.prepared.nothing_to_do:
            return Checked(prepared, beside=False)
        with self._fence.entered(sequence):
            self._begin(ready, emit, "deploy")
        changed = [name for name in ready.to_do("create", "recreate") if name in ready.layout.fronted]
        standing = self._rolling.standing(ready)
        reached = tuple(name for name in changed if any(engine.is_here(c.gateways) for c in standing.get(name, ())))
        if len(reached) < len(changed):
            emit(
                Notice(
                    f"{', '.join(sorted(set(changed) - set(reached)))}: not reached from here before the switch, checked after it"
                )
            )
        return Checked(prepared, beside=bool(changed), services=reached)

    def endpoint_beside(self, checked: Checked, service: str, port: int) -> Endpoint | None:
        ready = self._begun
        if ready is None or ready.prepared.release.id != checked.prepared.release.id or service not in checked.services:
            return None
        fronted = ready.layout.fronted[service]
        if port == 0:
            port = fronted.published[0].target if len(fronted.published) == 1 else 0
        if port not in fronted.ports:
            return None
        standing = self._rolling.standing(ready).get(service)
        return Endpoint(standing[0].addresses[0][1], port) if standing else None

    def switch(self, checked: Checked, sequence: int, emit: Emit) -> Deployed:
        release = checked.prepared.release
        ready = self._ready.get(release.id) or self._prepare(release, emit, "deploy")
        return self._switch(ready, sequence, emit, "deploy", keep_warm=True)

    def watch(self, deployed: Deployed, emit: Emit) -> None:
        """Watch what was switched to, from the switch on, for as long as the environment says."""
        settings = self._environment.edge
        if settings is None or self._turned is None:
            return
        began, before = self._turned
        left = max(0.0, began + settings.watch - self._clock.now())
        try:
            wrong = wait_for(lambda: judge(before, self._look()), bool, seconds=left, every=_EVERY, clock=self._clock)
        except DeadlinePassed:
            return
        raise DeploymentFailed(
            "; ".join(f"{service}: {reason}" for service, reason in wrong.items()),
            remedy="look at the log lines shown",
            evidence={service: self._said(service, reason) for service, reason in wrong.items()},
        )

    def retire(self, deployed: Deployed, emit: Emit) -> None:
        """Remove networks that the release does not have, and containers of the one before unless they are to stay warm.
        Volumes are never removed."""
        if self._networks is not None:
            unused = engine.unused_networks(self._name)
            engine.remove_networks([id for key, id in unused.items() if key not in self._networks])
        if self._environment.edge is not None and not self._environment.edge.warm:
            self._rolling.dismiss_warm()

    def restore(self, release: Release, sequence: int, emit: Emit) -> Deployed:
        self._begun = None
        return self._switch(self._prepare(release, emit, "restore"), sequence, emit, "restore", keep_warm=False)

    def observe(self) -> Observation:
        return self._observation(self._rolling.board(), self._fence.read())

    def differences(self, prepared: Prepared) -> Mapping[str, tuple[str, ...]]:
        ready = self._ready.get(prepared.release.id)
        if ready is None:
            return {}
        serving = {container.service: container.id for container in self._rolling.board().current}
        return explain(ready.compose.model["services"], serving)

    def endpoint(self, service: str, port: int) -> Endpoint | None:
        state = self.observe().service(service)
        if state is None:
            return None
        if port == 0:
            return state.ports[0][1] if len(state.ports) == 1 else None
        return dict(state.ports).get(port)

    def logs(self, service: str | None, *, tail: int, follow: bool, on_line: Callable[[LogLine], None]) -> None:
        board = self._rolling.board()
        there = [c for c in board.services if service in (None, c.service) and c.id not in board.drained]
        if not follow:
            logs.recent(there, tail, on_line)
            return

        def hear(line: str) -> None:
            if (parsed := logs.parse_followed(line)) is not None:
                on_line(LogLine(edge_compose.service_of(parsed.service), parsed.text))

        process.stream(logs.follow_command(self._name, sorted({c.key for c in there}), tail), hear)

    # -- the steps of a switch --------------------------------------------------------------------------------------

    def _prepare(self, release: Release, emit: Emit, stage: StageName) -> Ready:
        ready = self._preparer.prepare(release, emit, stage)
        self._ready[release.id] = ready
        return ready

    def _begin(self, ready: Ready, emit: Emit, stage: StageName) -> None:
        self._rolling.begin(ready, emit, stage)
        self._begun = ready

    def _switch(self, ready: Ready, sequence: int, emit: Emit, stage: StageName, *, keep_warm: bool) -> Deployed:
        release = ready.prepared.release
        self._turned = None
        with self._fence.entered(sequence) as seen:
            served = bool(self._rolling.board().current)
            try:
                self._apply_firmly(ready, emit, stage, keep_warm)
            finally:
                board = self._rolling.board()
                after = _remember(seen, sequence, release, ready.wanted, board.current)
                self._fence.write(after)
        self._ready.pop(release.id, None)  # the next switch must look again
        self._networks = frozenset(ready.compose.model.get("networks") or ())
        if served and keep_warm and any(name in ready.layout.fronted for name in ready.to_do("create", "recreate")):
            with suppress(DeploymentFailed):  # without a first look, there is nothing to compare with
                self._turned = (self._clock.now(), self._look())
        return Deployed(release, self._observation(board, after))

    def _apply_firmly(self, ready: Ready, emit: Emit, stage: StageName, keep_warm: bool) -> None:
        """Apply; and once more when a container that was to stay has died meanwhile: an interrupted deployment may have
        told the engine to stop it, and the engine goes on with that."""
        try:
            self._apply(ready, emit, stage, keep_warm)
        except DeploymentFailed:
            kept = {change.service for change in ready.prepared.changes if change.action == "keep"}
            again = self._prepare(ready.prepared.release, emit, stage)
            if not any(change.service in kept and change.action != "keep" for change in again.prepared.changes):
                raise
            self._apply(again, emit, stage, keep_warm)

    def _apply(self, ready: Ready, emit: Emit, stage: StageName, keep_warm: bool) -> None:
        if ready.prepared.nothing_to_do:
            self._rolling.tidy(ready)
        elif self._begun is not ready:
            self._begin(ready, emit, stage)
        if ready.edges or self._rolling.board().edges:
            self._rolling.settle_edges(ready, emit)
        if not ready.prepared.nothing_to_do:
            self._rolling.replace_in_place(ready, emit, stage)
        if ready.edges:
            self._rolling.turn(ready, keep_warm=keep_warm)

    def _judged(self, before: Mapping[str, Look]) -> dict[str, str]:
        try:
            return judge(before, self._look())
        except DeploymentFailed:
            return {}  # that nothing can be seen is no verdict

    # -- looking ------------------------------------------------------------------------------------------------------

    def _look(self) -> dict[str, Look]:
        """What each service that is there has answered, and how often it was restarted."""
        board = self._rolling.board()
        tallies = self._edges.tally(board) if board.edges else {}
        found = {}
        for service in dict.fromkeys(c.service for c in board.current):
            mine = board.serving(service)
            found[service] = Look(
                {c.id: c.restarts for c in mine},
                {c.id: c.state for c in mine},
                sum((tallies.get(c.id, Tally()) for c in mine), Tally()),
                sum(
                    (tallies.get(c.id, Tally()) for c in board.services if c.service == service and c not in mine),
                    Tally(),
                ),
            )
        return found

    def _said(self, service: str, reason: str) -> tuple[str, ...]:
        mine = self._rolling.board().serving(service)
        lines = engine.tail(mine[0].id, _EVIDENCE_LINES) if mine else []
        return (
            reason,
            f"last {len(lines)} log lines:" if lines else "it wrote no log",
            *(f"  {line}" for line in lines),
        )

    def _observation(self, board: Board, seen: Seen) -> Observation:
        host = engine.host()
        carrier = board.carrier
        states = []
        for service, container in sorted(worst(board.current).items()):
            state = to_state(container, release=seen.release_of(service, container.config_hash), engine_host=host)
            edge = board.edge(carrier.get(service, ""))
            if container.fronted and edge is not None and edge.container.status == "running":
                mine = edge.carried.ports.get(service, {})
                ports = tuple((p, at) for p, at in endpoints(edge.container, host) if p in mine)
                state = replace(state, ports=ports)
            states.append(state)
        return Observation(tuple(states))


def _remember(
    seen: Seen, sequence: int, release: Release, wanted: Mapping[str, str], there: Iterable[Container]
) -> Seen:
    """Which release each service that is there came from."""
    releases: dict[str, tuple[str, str]] = {}
    for service, container in worst(there).items():
        if container.config_hash == wanted.get(service):
            releases[service] = (container.config_hash, release.id)
        elif service in seen.releases:
            releases[service] = seen.releases[service]
    return Seen(sequence, releases)
