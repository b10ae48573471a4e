"""Starting a release beside what runs. No request of a user reaches it there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from windlass.deploy.docker import changes, partial
from windlass.deploy.docker.announcing import cut
from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.edge import compose as edge_compose
from windlass.deploy.docker.edge.allocate import Edge
from windlass.deploy.docker.edge.board import Board, carry
from windlass.deploy.docker.edge.client import generation
from windlass.deploy.docker.edge.layout import RUNS_ONCE
from windlass.deploy.docker.edge.render import render
from windlass.deploy.docker.ending import Ending
from windlass.deploy.docker.preparing import Ready
from windlass.deploy.docker.site import Site, drained, part_to_start, standing
from windlass.deploy.docker.up import bring_up
from windlass.errors import DeploymentFailed
from windlass.model.events import Emit, Notice, StageName
from windlass.waiting import DeadlinePassed, wait_for

_LISTENS = 15.0


class Beside:
    """What can start before the switch: services that stand beside their old containers, new ones, and what runs once."""

    def __init__(self, site: Site, ending: Ending) -> None:
        self._site = site
        self._ending = ending

    def begin(self, ready: Ready, emit: Emit, stage: StageName) -> dict[str, list[Container]]:
        """Start what is new beside what runs, and wait until it is well. No request of a user reaches it yet, unless
        nothing served before; workers take jobs from now on.

        Returns:
            The containers of services that stand beside their old ones, whether they serve already or not.

        Raises:
            DeploymentFailed: as `up.bring_up`.
        """
        there = self._site.docker.containers(self._site.name)
        board = self._site.edges.board(there, ask=True)
        self._ending.end_idle(ready, board)
        starting = [name for name in self._starting(ready) if not self._must_wait(name, ready, board)]
        edges = [edge for edge in ready.edges if not _runs(edge, board) and not self._blocked(edge, board)]
        waiting = [name for name in starting if not self._stands(ready, name, board)]
        if not waiting and not edges:
            return standing(ready, board)
        if any(ready.layout.in_place.get(name, RUNS_ONCE) != RUNS_ONCE for name in waiting):
            board = self._ending.make_way(ready.gives_way(board), board)
            there = list(board.containers)
        self._clear_the_way(waiting, ready, board)
        for edge in edges:
            if said := cut(edge.name, board):
                emit(Notice(said, "warning"))
        self._site.docker.discard([e.container.id for e in board.edges if e.name in {edge.name for edge in edges}])
        fresh = [name for name in starting if name in ready.layout.fronted and not board.serving(name)]
        bring_up(
            replace(ready.compose, model=self._model(ready, waiting, edges, board)),
            {
                change.service: ready.wanted[change.service]
                for change in ready.prepared.changes
                if change.service in waiting or (change.action == "keep" and change.service in ready.wanted)
            },
            waiting,
            seconds=self._site.environment.ready_timeout,
            clock=self._site.clock,
            emit=emit,
            stage=stage,
            seen_running=lambda there: self._lead_to(fresh, ready, there),
            counts=ready.counts,
            there=there,
        )
        if edges:
            self._site.edges_answer(edge.name for edge in edges)
        there = self._site.docker.containers(self._site.name)
        self._lead_to(fresh, ready, there)
        beside = standing(ready, self._site.edges.board(there))
        self._listening(waiting, ready, beside, emit)
        return beside

    def _listening(
        self, services: Sequence[str], ready: Ready, beside: Mapping[str, Sequence[Container]], emit: Emit
    ) -> None:
        """Wait until services without a health check take connections: that they run says nothing about that."""
        for name in services:
            if name not in ready.layout.fronted:
                continue
            ports = tuple(ready.layout.fronted[name].ports)
            blind = [c for c in beside.get(name, ()) if not c.health and self._site.docker.reaches(c.gateways)]
            for container in blind:
                try:
                    wait_for(
                        lambda c=container, p=ports: self._site.docker.listens(c.addresses[0][1], p),  # type: ignore[misc]
                        bool,
                        seconds=min(_LISTENS, self._site.environment.ready_timeout),
                        clock=self._site.clock,
                    )
                except DeadlinePassed:
                    said = ", ".join(map(str, ports))
                    emit(Notice(f"{name} runs, and does not listen on {said}", "warning"))
                    break

    def _starting(self, ready: Ready) -> list[str]:
        """What can start before the switch: what has room beside itself, what is new, what runs once and ends."""
        return [
            change.service
            for change in ready.prepared.changes
            if (change.action == "create" or (change.action == "recreate" and self._has_room(ready, change.service)))
        ]

    @staticmethod
    def _has_room(ready: Ready, service: str) -> bool:
        return service in ready.layout.beside or ready.layout.in_place.get(service) == RUNS_ONCE

    def _stands(self, ready: Ready, service: str, board: Board) -> bool:
        """Whether it waits beside already, well: the way back is a switch then."""
        if service not in ready.instances:
            return False
        there = [c for c in board.services if c.key == ready.instances[service] and c.id not in board.leaving]
        wanted = partial.replicas(ready.compose.model["services"][service])
        return len(there) == wanted and all(
            c.state in ("healthy", "running") and c.config_hash == ready.wanted[service] for c in there
        )

    def _model(self, ready: Ready, services: Sequence[str], edges: Iterable[Edge], board: Board) -> dict[str, object]:
        found, made = part_to_start(ready, services, board), list(edges)
        configs = {}
        # What stands already, of a first try, is called by others as soon as they start.
        stands = {name: there for name, there in standing(ready, board).items() if name not in services}
        for edge in made:
            leads = {name: board.serving(name) or stands.get(name, []) for name in edge.services}
            carried = carry(edge, ready.layout.fronted, None, leads)
            configs[edge.name] = render(carried, generation=generation(carried))
        labels = edge_compose.labels_of(ready.compose.model)
        found["services"] |= edge_compose.edge_services(made, configs, image=self._site.settings.image, labels=labels)
        return found

    @staticmethod
    def _blocked(edge: Edge, board: Board) -> bool:
        """Whether a port it is to publish belongs to a container of this environment that still serves."""
        in_place = any(not c.beside for name in edge.services for c in board.serving(name))
        return in_place or bool({port.published for port in edge.published} & _taken(board))

    @staticmethod
    def _must_wait(service: str, ready: Ready, board: Board) -> bool:
        """Whether it runs in place, and publishes a port that an edge has until it is made anew."""
        ports = ready.compose.model["services"][service].get("ports") or ()
        wanted = {str(port.get("published") or "") for port in ports}
        return service in ready.layout.in_place and bool(wanted & _taken(board))

    def _lead_to(self, fresh: Sequence[str], ready: Ready, there: Sequence[Container]) -> None:
        """Let the name of a service that did not run before lead to it, as soon as it runs: others may wait for it."""
        wanted = [edge for edge in ready.edges if set(edge.services) & set(fresh)]
        if not wanted:
            return
        board = self._site.edges.board(there)
        there_now = standing(ready, board)
        moves = []
        for edge in wanted:
            running = board.edge(edge.name)
            if running is None or running.container.status != "running":
                continue
            serving = {n: there_now[n] if n in fresh else board.serving(n) for n in edge.services}
            after = carry(edge, ready.layout.fronted, running.carried, serving, warm=drained(board))
            if after != running.carried:
                moves.append((running, after))
        try:
            self._site.edges.apply(moves)
        except DeploymentFailed:
            pass  # it has only just started; the next look tries again, and the switch insists

    def _clear_the_way(self, services: Sequence[str], ready: Ready, board: Board) -> None:
        serving = {c.id for c in board.current if c.beside}
        in_the_way = changes.in_the_way(board.services, set(services), ready.wanted)
        self._site.docker.remove([c.id for c in in_the_way if c.id not in serving or changes.is_failing(c)])


def _runs(edge: Edge, board: Board) -> bool:
    """Whether it is there and runs: through one that was stopped, or never started, new services would not find each other."""
    running = board.edge(edge.name)
    return running is not None and running.container.status == "running"


def _taken(board: Board) -> set[str]:
    """Ports of the engine's host that containers of this environment have."""
    return {str(port) for c in (*board.services, *(e.container for e in board.edges)) for _, _, _, port in c.ports}
