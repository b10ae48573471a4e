"""A Docker engine as a target: Docker Compose runs the release, watched and judged here, behind an edge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from windlass.deploy.docker import naming
from windlass.deploy.docker.beside import Beside
from windlass.deploy.docker.containers import Container, worst
from windlass.deploy.docker.edge.board import Board
from windlass.deploy.docker.edge.edges import Edges
from windlass.deploy.docker.ending import Ending
from windlass.deploy.docker.engine import Docker
from windlass.deploy.docker.explain import explain
from windlass.deploy.docker.fence import Fence, Seen
from windlass.deploy.docker.looking import Looking
from windlass.deploy.docker.marks import Marks
from windlass.deploy.docker.preparing import Preparer, Ready
from windlass.deploy.docker.resources import unchanged
from windlass.deploy.docker.site import Site
from windlass.deploy.docker.switching import Switching
from windlass.deploy.docker.watching import Turned, watch
from windlass.deploy.interface import Checked, Deployed, LogLine, Meanwhile, Prepared
from windlass.errors import DeploymentFailed
from windlass.git.repository import Repository
from windlass.model.events import Emit, Notice, StageName
from windlass.model.observation import Endpoint, Observation
from windlass.model.project import Declared, Environment, Project
from windlass.model.release import Release, ReleasedService
from windlass.waiting import Clock, SystemClock


class DockerTarget:
    """One environment on a Docker engine: the one it declares, or the one that the user's `docker` talks to.

    Args:
        repository: where releases' trees are; its checkout provides untracked files.
        home: a folder of this machine for bind-mounted copies and the environment's state.
        declared: how a release runs; as `project` and `environment` say where it is not given.
    """

    def __init__(
        self,
        project: Project,
        environment: Environment,
        repository: Repository,
        *,
        home: Path,
        clock: Clock | None = None,
        declared: Callable[[Release], Declared] | None = None,
    ) -> None:
        self._environment = environment
        self._clock = clock or SystemClock()
        self._name = naming.compose_project(project.name, environment.name)
        own = home / "environments" / self._name
        self._docker = Docker(environment.engine)
        self._fence = Fence(own / "state.json", Marks(self._docker, self._name))
        self._edges = Edges(own / "edge.json", self._docker)
        self._site = Site(environment, self._name, self._docker, self._edges, own, self._clock)
        self._ending = Ending(self._site)
        self._looking = Looking(self._site, self._fence, self._ending, project=project.name)
        self._starting = Beside(self._site, self._ending)
        self._switching = Switching(self._site, self._ending)
        self._preparer = Preparer(
            project,
            repository,
            declared or (lambda release: Declared(project, environment)),
            name=self._name,
            docker=self._docker,
            home=home,
            own=own,
            board=self._looking.own_board,
        )
        self._ready: dict[str, Ready] = {}
        self._forecast: dict[str, Ready] = {}  # prepared without pulling: nothing is switched to it
        self._left_by_then: dict[str, frozenset[str]] = {}
        self._begun: Ready | None = None
        self._beside: Mapping[str, Sequence[Container]] = {}
        self._switched: Ready | None = None
        self._turned: Turned | None = None

    @property
    def name(self) -> str:
        """The Compose project's name."""
        return self._name

    def prepare(self, release: Release, emit: Emit, *, pulling: bool = True) -> Prepared:
        return self._prepare(release, emit, "deploy", pulling=pulling).prepared

    def lacking(self, release: Release) -> tuple[ReleasedService, ...]:
        self._docker.connect()  # an engine that does not answer has no images either, and that is something else
        found = self._docker.images([service.reference for service in release.active])
        return tuple(service for service in release.active if service.reference not in found)

    def check(self, prepared: Prepared, emit: Emit, sequence: int | None = None) -> Checked:
        """Start what can stand beside what runs, and wait until it is well."""
        ready = self._ready.get(prepared.release.id) or self._prepare(prepared.release, emit, "deploy")
        if ready.prepared.nothing_to_do:
            return Checked(prepared, beside=False)
        with self._fence.entered(sequence) as seen:
            ready = self._still(ready, emit, "deploy")
            try:
                self._begin(ready, emit, "deploy")
            except DeploymentFailed:
                if not seen.lasting:  # what is left of a first release came from it
                    self._note(seen, sequence or seen.sequence, ready, self._site.board().services)
                raise
        changed = [name for name in ready.to_do("create", "recreate") if name in ready.layout.fronted]
        standing = self._beside
        reached = tuple(
            name for name in changed if any(self._docker.reaches(c.gateways) for c in standing.get(name, ()))
        )
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
        standing = self._beside.get(service)
        way = self._docker.way_to(standing[0].addresses[0][1], port) if standing else None
        return Endpoint(*way) if way is not None else None

    def switch(self, checked: Checked, sequence: int, emit: Emit) -> Deployed:
        release = checked.prepared.release
        self._docker.close_ways()
        ready = self._ready.get(release.id) or self._prepare(release, emit, "deploy")
        return self._switch(ready, sequence, emit, "deploy", keep_warm=True)

    def watch(self, deployed: Deployed, emit: Emit, meanwhile: Meanwhile | None = None) -> None:
        """Watch what was switched to, from the switch on, for as long as the environment says, and its checks run."""
        if self._turned is None:
            return
        wrong = watch(self._turned, meanwhile or Meanwhile(), seconds=self._site.settings.watch, clock=self._clock)
        if not wrong:
            return
        raise DeploymentFailed(
            "; ".join(f"{service}: {reason}" for service, reason in wrong.items()),
            remedy="look at the log lines shown",
            evidence={service: self._looking.evidence(service, reason) for service, reason in wrong.items()},
        )

    def retire(self, deployed: Deployed, emit: Emit) -> None:
        """Remove services and networks that the release does not have, and containers of the one before unless they are to
        stay warm. Volumes are never removed. Where somebody has begun a newer deployment, that is theirs to do."""
        with self._fence.entered(None):
            if self._fence.overtaken():
                return
            if self._switched is not None:
                self._ending.end_gone(self._switched, self._site.board())
                networks = self._switched.compose.model.get("networks") or {}
                unused = self._docker.unused_networks(self._name)
                self._docker.remove_networks([id for key, id in unused.items() if key not in networks])
            if self._environment.edge is not None and not self._environment.edge.warm:
                self._ending.end_warm()
        self._looking.forget()

    def restore(self, release: Release, sequence: int, emit: Emit) -> Deployed:
        self._docker.close_ways()
        self._begun = None
        return self._switch(self._prepare(release, emit, "restore"), sequence, emit, "restore", keep_warm=False)

    def observe(self) -> Observation:
        return self._looking.observe()

    def differences(self, prepared: Prepared) -> Mapping[str, tuple[str, ...]]:
        id = prepared.release.id
        ready = self._ready.get(id) or self._forecast.get(id)
        if ready is None:
            return {}
        serving = {container.service: container.id for container in self._looking.board().current}
        configured = [c.service for c in prepared.changes if c.cause == "configuration"]
        return explain(ready.compose.model, serving, self._docker, configured)

    def endpoint(self, service: str, port: int) -> Endpoint | None:
        return self._looking.endpoint(service, port)

    def logs(self, service: str | None, *, tail: int, follow: bool, on_line: Callable[[LogLine], None]) -> None:
        self._looking.logs(service, tail=tail, follow=follow, on_line=on_line)

    # -- the steps of a switch --------------------------------------------------------------------------------------

    def _prepare(self, release: Release, emit: Emit, stage: StageName, *, pulling: bool = True) -> Ready:
        self._left_by_then[release.id] = frozenset(self._edges.read().leaving)
        if stage == "restore":
            ready = self._preparer.prepare(release, emit, stage)
        else:
            with ThreadPoolExecutor(1) as beside:
                looking = beside.submit(self._docker.resources, self._name)
                ready = self._preparer.prepare(release, emit, stage, pulling=pulling)
            for sentence, remedy in unchanged(ready.compose.model, *looking.result()):
                emit(Notice(sentence, "warning", remedy))
            edges = {edge.name for edge in ready.edges}
            for change in ready.prepared.changes:
                if change.noticed and change.service not in edges:
                    emit(Notice(f"{change.service}: {change.reason}", "warning"))
        (self._ready if pulling else self._forecast)[release.id] = ready
        return ready

    def _still(self, ready: Ready, emit: Emit, stage: StageName) -> Ready:
        """The same; prepared again where containers were asked to end since: it may have counted on one of them."""
        release = ready.prepared.release
        if self._begun is ready or self._edges.read().leaving.keys() <= self._left_by_then.get(release.id, frozenset()):
            return ready
        return self._prepare(release, emit, stage)

    def _begin(self, ready: Ready, emit: Emit, stage: StageName) -> None:
        self._begun = None
        self._switching.make_room()
        self._beside = self._starting.begin(ready, emit, stage)
        self._begun = ready

    def _switch(self, ready: Ready, sequence: int, emit: Emit, stage: StageName, *, keep_warm: bool) -> Deployed:
        release = ready.prepared.release
        self._turned = None
        self._looking.forget()
        with self._fence.entered(sequence) as seen:
            board = self._site.board(ask=ready.prepared.nothing_to_do)
            served = bool(board.current)
            ready = self._still(ready, emit, stage)
            try:
                board = self._apply_firmly(ready, sequence, emit, stage, keep_warm, board)
            except BaseException:
                self._note(seen, sequence, ready, self._site.board().current)
                raise
            after = self._note(replace(seen, lasting=ready.lasting), sequence, ready, board.current)
        self._ready.pop(release.id, None)  # the next switch must look again
        if keep_warm:
            board = replace(board, services=tuple(c for c in board.services if c.service in ready.wanted))
            # Before a first release there is nothing that errors could be compared with.
            look = partial(self._looking.fares, tuple(ready.wanted), tallied=served)
            self._turned = Turned(self._clock.now(), board, look).begin()
        return Deployed(release, self._looking.observation(board, after))

    def _note(self, seen: Seen, sequence: int, ready: Ready, there: Iterable[Container]) -> Seen:
        """Note which release each service that is there came from."""
        after = _remember(seen, sequence, ready.prepared.release, ready.wanted, there)
        self._fence.write(after)
        return after

    def _apply_firmly(
        self, ready: Ready, sequence: int, emit: Emit, stage: StageName, keep_warm: bool, board: Board
    ) -> Board:
        """Apply; and once more when a container that was to stay has died meanwhile: an interrupted deployment may have
        told the engine to stop it, and the engine goes on with that."""
        try:
            return self._apply(ready, sequence, emit, stage, keep_warm, board)
        except DeploymentFailed:
            kept = {change.service for change in ready.prepared.changes if change.action == "keep"}
            again = self._prepare(ready.prepared.release, emit, stage)
            if not any(change.service in kept and change.action != "keep" for change in again.prepared.changes):
                raise
            return self._apply(again, sequence, emit, stage, keep_warm, self._site.board(ask=True))

    def _apply(self, ready: Ready, sequence: int, emit: Emit, stage: StageName, keep_warm: bool, board: Board) -> Board:
        """Raises Locked: somebody with a newer number came meanwhile; users are not led anywhere then."""
        self._switched = ready
        if ready.prepared.nothing_to_do:
            self._ending.end_idle(ready, board)
        elif self._begun is not ready:
            self._begin(ready, emit, stage)
            self._fence.insist(sequence)
            board = self._site.board()
        board = self._switching.make_way(ready, board, keep_warm=keep_warm)
        if ready.edges or board.edges:
            board = self._switching.settle_edges(ready, emit, board, keep_warm=keep_warm)
        if not ready.prepared.nothing_to_do:
            board = self._switching.replace_in_place(ready, emit, stage, board)
            self._fence.insist(sequence)
        return self._switching.turn(ready, board, keep_warm=keep_warm)


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
    return replace(seen, sequence=sequence, releases=releases)
