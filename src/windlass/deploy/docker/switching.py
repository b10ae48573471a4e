"""Leading users' requests to a release that stands beside what serves.

What cannot run twice is stopped and started, right before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from windlass.deploy.docker import changes, partial
from windlass.deploy.docker.announcing import cut
from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.edge import compose as edge_compose
from windlass.deploy.docker.edge.allocate import Edge
from windlass.deploy.docker.edge.board import Board, RunningEdge, carry
from windlass.deploy.docker.edge.client import generation
from windlass.deploy.docker.edge.lingering import lingering, roomy, serves_only
from windlass.deploy.docker.edge.render import Carried, render
from windlass.deploy.docker.ending import Ending
from windlass.deploy.docker.places import Places
from windlass.deploy.docker.preparing import Ready
from windlass.deploy.docker.site import Site, drained, part_to_start, standing
from windlass.deploy.docker.up import (
    WITHOUT_ORPHANS,
    Compose,
    bring_up,
    compose_refusal,
    create_command,
    lacking,
    until_named,
)
from windlass.errors import DeploymentFailed
from windlass.model.events import Emit, Notice, StageName


class Switching:
    """The steps of a switch, in their order."""

    def __init__(self, site: Site, ending: Ending) -> None:
        self._site = site
        self._ending = ending
        self._places = Places(site)

    def make_room(self) -> None:
        """Empty the edges' places of containers that are gone. Best done while others start: `turn` waits for it."""
        self._places.empty(self._site.board())

    def make_way(self, ready: Ready, board: Board, *, keep_warm: bool) -> Board:
        """End services in place that the release does not have, and what is left of ones that it has again.

        Args:
            keep_warm: of the former only those that are in the way of what it has; the others stay until `Ending.end_gone`.
        """
        rest = frozenset() if keep_warm else ready.gone
        return self._ending.make_way(ready.gives_way(board) | rest, board)

    def replace_in_place(self, ready: Ready, emit: Emit, stage: StageName, board: Board) -> Board:
        """Stop and start what cannot run twice. Raises as `up.bring_up`.

        Args:
            board: what runs; returned as it is then.
        """
        changed = [
            change.service
            for change in ready.prepared.changes
            if change.action in ("create", "recreate") and change.service in ready.layout.in_place
            if not self._present(ready, change.service, board)
        ]
        was_beside = [c for c in board.services if c.beside and c.service in changed]
        self._site.docker.remove(
            [c.id for c in changes.in_the_way(board.services, set(changed), ready.wanted) if not c.beside]
            + [c.id for c in was_beside]
        )
        if not changed:
            return self._site.board() if was_beside else board
        bring_up(
            replace(ready.compose, model=part_to_start(ready, changed, board)),
            ready.wanted,
            changed,
            seconds=self._site.environment.ready_timeout,
            clock=self._site.clock,
            emit=emit,
            stage=stage,
            counts=ready.counts,
        )
        return self._site.board()

    def _present(self, ready: Ready, service: str, board: Board) -> bool:
        """Whether `begin` has brought it up already, in its place: what stood behind an edge before does not count."""
        there = [c for c in board.services if c.service == service and not c.beside]
        return (
            bool(there)
            and all(
                c.config_hash == ready.wanted.get(service) and c.state in ("healthy", "running", "completed")
                for c in there
            )
            and len(there) == partial.replicas(ready.compose.model["services"][service])
        )

    def settle_edges(self, ready: Ready, emit: Emit, board: Board, *, keep_warm: bool) -> Board:
        """Make the edges that are missing or publish something else. Those that nothing needs go where others want their
        ports or names; otherwise they stay until nobody is led through them any more (`turn`, `Ending.end_gone`).

        Args:
            board: what runs; returned as it is then.
            keep_warm: what the release no longer has is reached through edges that are made anew, too.
        """
        make: list[Edge] = []
        for edge in ready.edges:
            running, why = board.edge(edge.name), ready.why_anew(edge, board)
            if running is None or running.container.status != "running" or why:
                make.append(edge)
                if said := cut(edge.name, board):
                    emit(Notice(said, "warning"))
                if running is not None and why:
                    emit(Notice(f"the edge of {', '.join(edge.services) or 'names'} is made anew because {why}: connections are cut for about a second", "warning"))  # fmt: skip
        made = {edge.name for edge in make}
        replaced = [
            e.container
            for e in board.edges
            if e.name in made
            or (e is not board.edge(e.name) and not board.ends(e))
            or (ready.edge(e.name) is None and ready.needed_elsewhere(e))
        ]
        old = [
            c
            for c in board.services
            if c.service in ready.layout.fronted and not c.beside and c.id not in board.leaving
        ]
        if not make and not replaced and not old:
            return board
        self._site.docker.discard([c.id for c in replaced if c.status != "running"])
        replaced = [c for c in replaced if c.status == "running"]
        if make:
            ready_now = standing(ready, board)
            left = (c for c in board.services if c not in old)
            seen, gone = replace(board, services=tuple(left)), ready.gone if keep_warm else frozenset()
            compose = self._edges_to_start(ready, make, seen, ready_now, {c.key for c in replaced}, gone)
            fresh = self._create(compose)
            self._site.docker.unplug(old)
            self._exchange(replaced, fresh if not any(edge.secrets for edge in make) else [])
            self._start(compose)
            self._site.edges_answer(edge.name for edge in make)
        else:
            self._site.docker.unplug(old)
            self._site.docker.discard([c.id for c in replaced])
        self._ending.end(old, board, after=0.0)
        return self._site.board()

    @staticmethod
    def _needless(ready: Ready, board: Board) -> list[RunningEdge]:
        """The edges of services that the release does not have."""
        return [edge for edge in board.edges if ready.edge(edge.name) is None and not board.ends(edge)]

    def _edges_to_start(
        self,
        ready: Ready,
        make: Sequence[Edge],
        board: Board,
        beside: dict[str, list[Container]],
        taken: Collection[str],
        gone: Collection[str],
    ) -> Compose:
        configs, made = {}, []
        for edge in make:
            serving = {n: board.serving(n) or beside.get(n, []) for n in edge.services}
            carried = carry(edge, ready.layout.fronted, None, serving, warm=drained(board))
            running = board.edge(edge.name)
            if running is not None and gone:
                # It is given the release's certificates alone.
                stay = [name for name in gone if not running.carried.tls.get(name)]
                carried = lingering(running.carried, carried, stay)
                roomier = roomy(edge, running, stay, ready.claimed(edge.name))
                edge = replace(roomier, services=tuple(sorted(carried.ports)))
            configs[edge.name] = render(carried, generation=generation(carried))
            made.append(edge)
        labels = edge_compose.labels_of(ready.compose.model)
        image = self._site.settings.image
        services = edge_compose.edge_services(made, configs, image=image, labels=labels, taken=taken)
        return replace(ready.compose, model={**ready.compose.model, "services": services})

    def _create(self, compose: Compose) -> list[str]:
        """Make containers while those before them still serve: what takes time, and may fail, cuts nobody then."""
        done = until_named(
            lambda: compose.docker.run(
                create_command(compose.project, compose.directory),
                env={**compose.environ, **WITHOUT_ORPHANS},
                input=compose.document,
                with_us=True,
            ),
            lambda done: () if done.ok else done.stderr.splitlines(),
        )
        if not done.ok:
            said = compose_refusal(done.stderr.splitlines()) or "Docker Compose could not make the edge"
            raise DeploymentFailed(said, remedy=lacking(said) or "run the same command again", blames=False)
        there = compose.docker.containers(compose.project)
        return [c.id for c in there if c.key in compose.model["services"] and c.status == "created"]

    def _exchange(self, old: Sequence[Container], fresh: Sequence[str]) -> None:
        """End edges and start others in one go, for a port has one owner. What does not start is left to Compose, which says
        why; and so are edges that Compose has to give certificates."""
        if old:
            ids = " ".join(c.id for c in old)
            start = f"; docker start {' '.join(fresh)}" if fresh else ""
            self._site.docker.run(["sh", "-c", f"docker rm --force --volumes {ids}{start}"])

    def _start(self, compose: Compose) -> None:
        bring_up(
            compose,
            {},
            (),
            seconds=self._site.environment.ready_timeout,
            clock=self._site.clock,
            emit=lambda event: None,
            stage="deploy",
        )

    def turn(self, ready: Ready, board: Board, *, keep_warm: bool) -> Board:
        """Lead requests to the release's containers; those before it keep the connections they have, and workers before
        it are asked to end.

        Args:
            board: what runs; returned as it is then.
            keep_warm: those before stay for the way back, and what the release no longer has until `Ending.end_gone`; otherwise they are
                asked to end.
        """
        there = standing(ready, board)
        self._insist(ready, there, board)
        board = self._places.empty(board)
        self._places.wait(board)
        gone = ready.gone if keep_warm else frozenset()
        moves: list[tuple[RunningEdge, Carried]] = []
        for edge in ready.edges:
            running = board.edge(edge.name)
            if running is None:
                raise DeploymentFailed(
                    f"the edge {edge.name} is gone", remedy="run the same command again", blames=False
                )
            before = {name: board.serving(name) for name in edge.services}
            warm = {name: [*before[name], *drained(board).get(name, ())] for name in edge.services} if keep_warm else {}
            after = carry(edge, ready.layout.fronted, running.carried, there, warm=warm)
            moves.append((running, lingering(running.carried, after, gone)))
        self._site.edges.apply(moves)
        # Only now: what the old release does until here may still go through them.
        needless = [
            e for e in self._needless(ready, board) if not serves_only(e.carried, gone) or ready.needed_elsewhere(e)
        ]
        self._site.docker.discard([edge.container.id for edge in needless])
        carried = {running.name: after for running, after in moves}
        turned = replace(
            board,
            edges=tuple(replace(e, carried=carried.get(e.name, e.carried)) for e in board.edges if e not in needless),
        )
        return self._ending.end_replaced(ready, turned, keep_warm=keep_warm)

    @staticmethod
    def _insist(ready: Ready, there: Mapping[str, Sequence[Container]], board: Board) -> None:
        """What was well beside, and is gone or has ended meanwhile, gets no request."""
        for name in ready.to_do("create", "recreate"):
            mine = [c for c in board.services if c.key == ready.instances.get(name)]
            if name in there and not there[name] and not any(c.may_end for c in mine):
                raise DeploymentFailed(
                    f"{name}: its container ended before it was switched to",
                    where=name,
                    remedy="run the same command again; the log lines of the container say more, where it is still there",
                    blames=bool(mine),
                )
