"""Bringing a prepared release to run: first beside what runs, then users' requests to it.

What cannot run twice is stopped and started, between the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from windlass.deploy.docker import changes, partial
from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.edge import compose as edge_compose
from windlass.deploy.docker.edge.allocate import Edge
from windlass.deploy.docker.edge.board import Board, RunningEdge, carry, difference, suffices
from windlass.deploy.docker.edge.client import EdgeClient, generation
from windlass.deploy.docker.edge.edges import Edges
from windlass.deploy.docker.edge.layout import RUNS_ONCE
from windlass.deploy.docker.edge.render import Carried, render
from windlass.deploy.docker.engine import Docker
from windlass.deploy.docker.preparing import Ready
from windlass.deploy.docker.up import bring_up
from windlass.errors import DeploymentFailed
from windlass.model.events import Emit, Notice, StageName
from windlass.model.project import EdgeSpec, Environment
from windlass.waiting import Clock, DeadlinePassed, wait_for

_LISTENS = 15.0


class Rolling:
    """The steps for one environment.

    Args:
        name: the Compose project.
        log: a file for what programs say that outlive this one.
    """

    def __init__(
        self, environment: Environment, name: str, docker: Docker, edges: Edges, *, log: Path, clock: Clock
    ) -> None:
        self._environment = environment
        self._settings = environment.edge or EdgeSpec()
        self._name = name
        self._docker = docker
        self._edges = edges
        self._log = log
        self._clock = clock

    def board(self, *, ask: bool = False) -> Board:
        return self._edges.board(self._docker.containers(self._name), ask=ask)

    # -- beside -----------------------------------------------------------------------------------------------------

    def begin(self, ready: Ready, emit: Emit, stage: StageName) -> dict[str, list[Container]]:
        """Start what is new beside what runs, and wait until it is well. No request of a user reaches it yet, unless
        nothing served before.

        Returns:
            The containers of services behind an edge that the release runs, whether they serve already or not.

        Raises:
            DeploymentFailed: as `up.bring_up`.
        """
        there = self._docker.containers(self._name)
        board = self._edges.board(there, ask=True)
        self._dismiss_idle(ready, board)
        starting = self._starting(ready)
        edges = [edge for edge in ready.edges if board.edge(edge.name) is None and not self._blocked(edge, board)]
        waiting = [name for name in starting if not self._stands(ready, name, board)]
        if not waiting and not edges:
            return _standing(ready, board)
        self._clear_the_way(waiting, ready, board)
        fresh = [name for name in starting if name in ready.layout.fronted and not board.serving(name)]
        bring_up(
            replace(ready.compose, model=self._model(ready, waiting, edges, board)),
            {
                change.service: ready.wanted[change.service]
                for change in ready.prepared.changes
                if change.service in waiting or (change.action == "keep" and change.service in ready.wanted)
            },
            waiting,
            seconds=self._environment.ready_timeout,
            clock=self._clock,
            emit=emit,
            stage=stage,
            seen_running=lambda there: self._lead_to(fresh, ready, there),
            counts=ready.counts,
            there=there,
        )
        if edges:
            self._answering(edge.name for edge in edges)
        there = self._docker.containers(self._name)
        self._lead_to(fresh, ready, there)
        standing = _standing(ready, self._edges.board(there))
        self._listening(waiting, ready, standing, emit)
        return standing

    def _listening(
        self, services: Sequence[str], ready: Ready, standing: Mapping[str, Sequence[Container]], emit: Emit
    ) -> None:
        """Wait until services without a health check take connections: that they run says nothing about that."""
        for name in services:
            ports = tuple(ready.layout.fronted[name].ports) if name in ready.layout.fronted else ()
            blind = [c for c in standing.get(name, ()) if not c.health and self._docker.reaches(c.gateways)]
            for container in blind:
                try:
                    wait_for(
                        lambda c=container, p=ports: self._docker.listens(c.addresses[0][1], p),  # type: ignore[misc]
                        bool,
                        seconds=min(_LISTENS, self._environment.ready_timeout),
                        clock=self._clock,
                    )
                except DeadlinePassed:
                    said = ", ".join(map(str, ports))
                    emit(Notice(f"{name} runs, and does not listen on {said}", "warning"))
                    break

    def _starting(self, ready: Ready) -> list[str]:
        """What can start before the switch: what stands behind an edge, what is new, what runs once and ends."""
        return [
            change.service
            for change in ready.prepared.changes
            if (change.action == "create" or (change.action == "recreate" and self._beside(ready, change.service)))
        ]

    @staticmethod
    def _beside(ready: Ready, service: str) -> bool:
        return service in ready.layout.fronted or ready.layout.in_place.get(service) == RUNS_ONCE

    def _stands(self, ready: Ready, service: str, board: Board) -> bool:
        """Whether it waits beside already, well: the way back is a switch then."""
        if service not in ready.instances:
            return False
        there = [c for c in board.services if c.key == ready.instances[service]]
        wanted = partial.replicas(ready.compose.model["services"][service])
        return len(there) == wanted and all(
            c.state in ("healthy", "running") and c.config_hash == ready.wanted[service] for c in there
        )

    def _model(self, ready: Ready, services: Sequence[str], edges: Iterable[Edge], board: Board) -> dict[str, object]:
        model = ready.compose.model
        stay = {container.service: container.id for container in board.current if container.state != "exited"}
        found = edge_compose.renamed(partial.part(model, services, stay), ready.instances)
        made = list(edges)
        configs = {}
        for edge in made:
            carried = carry(edge, ready.layout.fronted, None, {n: board.serving(n) for n in edge.services})
            configs[edge.name] = render(carried, generation=generation(carried))
        labels = edge_compose.labels_of(model)
        found["services"] |= edge_compose.edge_services(made, configs, image=self._settings.image, labels=labels)
        return found

    @staticmethod
    def _blocked(edge: Edge, board: Board) -> bool:
        """Whether a port it is to publish belongs to a container of this environment that still serves."""
        taken = {port for c in (*board.services, *(e.container for e in board.edges)) for _, _, _, port in c.ports}
        standing = any(not c.fronted for name in edge.services for c in board.serving(name))
        return standing or any(port.published.isdigit() and int(port.published) in taken for port in edge.published)

    def _lead_to(self, fresh: Sequence[str], ready: Ready, there: Sequence[Container]) -> None:
        """Let the name of a service that did not run before lead to it, as soon as it runs: others may wait for it."""
        wanted = [edge for edge in ready.edges if set(edge.services) & set(fresh)]
        if not wanted:
            return
        board = self._edges.board(there)
        standing = _standing(ready, board)
        moves = []
        for edge in wanted:
            running = board.edge(edge.name)
            if running is None or running.container.status != "running":
                continue
            serving = {n: standing[n] if n in fresh else board.serving(n) for n in edge.services}
            after = carry(edge, ready.layout.fronted, running.carried, serving, warm=_drained(board))
            if after != running.carried:
                moves.append((running, after))
        try:
            self._edges.apply(moves)
        except DeploymentFailed:
            pass  # it has only just started; the next look tries again, and the switch insists

    def _clear_the_way(self, services: Sequence[str], ready: Ready, board: Board) -> None:
        serving = {c.id for c in board.current if c.fronted}
        in_the_way = changes.in_the_way(board.services, set(services), ready.wanted)
        self._docker.remove(
            [c.id for c in in_the_way if c.id not in serving or c.state in ("exited", "restarting", "unhealthy")]
        )

    # -- the switch ---------------------------------------------------------------------------------------------------

    def replace_in_place(self, ready: Ready, emit: Emit, stage: StageName, board: Board) -> Board:
        """Stop and start what cannot run twice, and end what the release no longer has. Raises as `up.bring_up`.

        Args:
            board: what runs; returned as it is then.
        """
        changed = [
            change.service
            for change in ready.prepared.changes
            if change.action in ("create", "recreate") and change.service in ready.layout.in_place
            if not self._present(ready, change.service, board)
        ]
        gone = set(ready.to_do("remove"))
        was_fronted = [c for c in board.services if c.fronted and c.service in changed]
        self._docker.remove(
            [c.id for c in board.services if c.service in gone and not c.fronted]
            + [c.id for c in changes.in_the_way(board.services, set(changed), ready.wanted) if not c.fronted]
            + [c.id for c in was_fronted]
        )
        if not changed:
            return self.board() if gone or was_fronted else board
        bring_up(
            replace(ready.compose, model=self._model(ready, changed, (), board)),
            ready.wanted,
            changed,
            seconds=self._environment.ready_timeout,
            clock=self._clock,
            emit=emit,
            stage=stage,
            counts=ready.counts,
        )
        return self.board()

    def _present(self, ready: Ready, service: str, board: Board) -> bool:
        """Whether `begin` has brought it up already."""
        there = [c for c in board.services if c.service == service]
        return (
            bool(there)
            and all(
                c.config_hash == ready.wanted.get(service) and c.state in ("healthy", "running", "completed")
                for c in there
            )
            and len(there) == partial.replicas(ready.compose.model["services"][service])
        )

    def settle_edges(self, ready: Ready, emit: Emit, board: Board) -> Board:
        """Make the edges that are missing or publish something else, and end those that nothing needs.

        Args:
            board: what runs; returned as it is then.
        """
        make: list[Edge] = []
        for edge in ready.edges:
            running, document = board.edge(edge.name), edge_compose.to_document(edge)
            if running is None or running.container.status != "running" or not suffices(running.made_for, document):
                make.append(edge)
                if running is not None:
                    why = difference(running.made_for, document)
                    emit(Notice(f"the edge of {', '.join(edge.services)} is made anew because {why}: connections are cut for about a second", "warning"))  # fmt: skip
        names = {edge.name for edge in ready.edges}
        replaced = [e.container.id for e in board.edges if e.name not in names or e.name in {m.name for m in make}]
        old = [c for name in ready.layout.fronted for c in board.serving(name) if not c.fronted]
        if not make and not replaced and not old:
            return board
        if old:
            emit(Notice(f"{', '.join(sorted({c.service for c in old}))}: moved behind an edge, once; connections are cut for about a second", "warning"))  # fmt: skip
        self._docker.unplug(old)
        self._docker.discard(replaced)
        if make:
            standing = _standing(ready, board)
            adopted = {c.service for c in old}
            seen = Board(
                tuple(c for c in board.services if c.service not in adopted or c in standing.get(c.service, ())),
                board.edges,
            )
            self._start_edges(ready, make, seen, standing)
        self._docker.remove_later([c.id for c in old], self._log)
        return self.board()

    def _start_edges(
        self, ready: Ready, make: Sequence[Edge], board: Board, standing: dict[str, list[Container]]
    ) -> None:
        model = {**ready.compose.model, "services": {}}
        configs = {}
        for edge in make:
            serving = {n: board.serving(n) or standing.get(n, []) for n in edge.services}
            carried = carry(edge, ready.layout.fronted, None, serving, warm=_drained(board))
            configs[edge.name] = render(carried, generation=generation(carried))
        labels = edge_compose.labels_of(ready.compose.model)
        model["services"] = edge_compose.edge_services(make, configs, image=self._settings.image, labels=labels)
        bring_up(
            replace(ready.compose, model=model),
            {},
            (),
            seconds=self._environment.ready_timeout,
            clock=self._clock,
            emit=lambda event: None,
            stage="deploy",
        )
        self._answering(edge.name for edge in make)

    def _answering(self, names: Iterable[str]) -> None:
        board = self.board()
        for name in names:
            edge = board.edge(name)
            if edge is None:
                raise DeploymentFailed(
                    f"the edge {name} did not come up", remedy="run the same command again", blames=False
                )
            EdgeClient(edge.container.id, docker=self._docker).wait()

    def turn(self, ready: Ready, board: Board, *, keep_warm: bool) -> Board:
        """Lead requests to the release's containers; those before it keep the connections they have.

        Args:
            board: what runs; returned as it is then.
            keep_warm: those before stay for the way back; otherwise they are asked to end.
        """
        standing = _standing(ready, board)
        moves: list[tuple[RunningEdge, Carried]] = []
        for edge in ready.edges:
            running = board.edge(edge.name)
            if running is None:
                raise DeploymentFailed(
                    f"the edge {edge.name} is gone", remedy="run the same command again", blames=False
                )
            before = {name: board.serving(name) for name in edge.services}
            warm = (
                {name: [*before[name], *_drained(board).get(name, ())] for name in edge.services} if keep_warm else {}
            )
            after = carry(edge, ready.layout.fronted, running.carried, standing, warm=warm)
            moves.append((running, after))
        self._edges.apply(moves)
        held = set(ready.instances.values())
        unneeded = [
            c
            for c in board.services
            if c.fronted and (c.service not in ready.instances or (not keep_warm and c.key not in held))
        ]
        # Requests under way may end. A plain connection may never: its service is asked to close it.
        plain = [c for c in unneeded if "tcp" in _modes(ready, c.service)]
        self._dismiss(plain, board, after=0.0)
        self._dismiss([c for c in unneeded if c not in plain], board, after=self._settings.drain)
        carried = {running.name: after for running, after in moves}
        return replace(board, edges=tuple(replace(e, carried=carried.get(e.name, e.carried)) for e in board.edges))

    # -- ends ---------------------------------------------------------------------------------------------------------

    def tidy(self, ready: Ready, board: Board) -> None:
        """End what is left of other releases."""
        self._dismiss_idle(ready, board)

    def _dismiss_idle(self, ready: Ready, board: Board) -> None:
        """End what is left of earlier releases, unless this one runs it again."""
        held = set(ready.instances.values())
        idle = [c for c in board.idle if c.key not in held and c.id not in board.leaving]
        never = [c for c in idle if c.id not in board.drained]
        self._docker.discard([c.id for c in never])  # no request has ever reached these
        for container in idle:
            if container not in never:
                self._dismiss(
                    [container], board, after=max(0.0, self._settings.drain - self._edges.idle_for(container.id))
                )

    def dismiss_warm(self) -> None:
        """End the containers of earlier releases as soon as their requests have ended."""
        board = self.board()
        self._dismiss([c for c in board.idle if c.id not in board.leaving], board, after=self._settings.drain)

    def _dismiss(self, containers: Sequence[Container], board: Board, *, after: float) -> None:
        if containers:
            self._docker.remove_later([c.id for c in containers], self._log, after=after)
            there = [*board.services, *(edge.container for edge in board.edges)]
            self._edges.note_leaving([c.id for c in containers], there)


def _standing(ready: Ready, board: Board) -> dict[str, list[Container]]:
    return {
        name: [c for c in board.services if c.key == key and c.status == "running" and c.addresses]
        for name, key in ready.instances.items()
    }


def _modes(ready: Ready, service: str) -> set[str]:
    fronted = ready.layout.fronted.get(service)
    return set(fronted.ports.values()) if fronted is not None else set()


def _drained(board: Board) -> dict[str, list[Container]]:
    found: dict[str, list[Container]] = {}
    for container in board.services:
        if container.id in board.drained:
            found.setdefault(container.service, []).append(container)
    return found
