"""Leading users' requests to a release that stands beside what serves.

What cannot run twice is stopped and started, right before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from windlass.deploy.docker import changes, partial
from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.edge import compose as edge_compose
from windlass.deploy.docker.edge.allocate import Edge
from windlass.deploy.docker.edge.board import Board, RunningEdge, carry
from windlass.deploy.docker.edge.client import generation
from windlass.deploy.docker.edge.lingering import closed, lingering
from windlass.deploy.docker.edge.render import Carried, render
from windlass.deploy.docker.ending import Ending
from windlass.deploy.docker.places import Places
from windlass.deploy.docker.preparing import Ready
from windlass.deploy.docker.site import Site, drained, part_to_start, standing
from windlass.deploy.docker.up import WITHOUT_ORPHANS, Compose, bring_up, compose_refusal, create_command
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

    def replace_in_place(self, ready: Ready, emit: Emit, stage: StageName, board: Board, *, keep_warm: bool) -> Board:
        """Stop and start what cannot run twice. Raises as `up.bring_up`.

        Args:
            board: what runs; returned as it is then.
            keep_warm: what the release no longer has stays until `end_gone`, where it is not in the way; otherwise it ends.
        """
        changed = [
            change.service
            for change in ready.prepared.changes
            if change.action in ("create", "recreate") and change.service in ready.layout.in_place
            if not self._present(ready, change.service, board)
        ]
        wanted = _published(ready)
        gone = [
            c
            for c in _gone(ready, board)
            if not c.beside and not (keep_warm and not wanted & {str(port) for _, _, _, port in c.ports})
        ]
        was_beside = [c for c in board.services if c.beside and c.service in changed]
        self._site.docker.remove(
            [c.id for c in gone]
            + [c.id for c in changes.in_the_way(board.services, set(changed), ready.wanted) if not c.beside]
            + [c.id for c in was_beside]
        )
        if not changed:
            return self._site.board() if gone or was_beside else board
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
        """Make the edges that are missing or publish something else. Those that nothing needs go where others want their
        ports; otherwise they stay until nobody is led through them any more (`turn`).

        Args:
            board: what runs; returned as it is then.
        """
        make: list[Edge] = []
        for edge in ready.edges:
            running, why = board.edge(edge.name), ready.why_anew(edge, board)
            if running is None or running.container.status != "running" or why:
                make.append(edge)
                if running is not None and why:
                    emit(Notice(f"the edge of {', '.join(edge.services) or 'names'} is made anew because {why}: connections are cut for about a second", "warning"))  # fmt: skip
        made, needless = {edge.name for edge in make}, self._needless(ready, board)
        replaced = [
            e.container
            for e in board.edges
            if e.name in made or e is not board.edge(e.name) or (e in needless and ready.in_the_way(e))
        ]
        old = [c for name in ready.layout.fronted for c in board.serving(name) if not c.beside]
        if not make and not replaced and not old:
            return board
        self._site.docker.discard([c.id for c in replaced if c.status != "running"])
        replaced = [c for c in replaced if c.status == "running"]
        if make:
            ready_now = standing(ready, board)
            adopted = {c.service for c in old}
            seen = Board(
                tuple(c for c in board.services if c.service not in adopted or c in ready_now.get(c.service, ())),
                board.edges,
            )
            compose = self._edges_to_start(ready, make, seen, ready_now, {c.key for c in replaced})
            fresh = self._create(compose)
            self._site.docker.unplug(old)
            self._exchange(replaced, fresh if not any(edge.secrets for edge in make) else [])
            self._start(compose)
            self._site.edges_answer(edge.name for edge in make)
        else:
            self._site.docker.unplug(old)
            self._site.docker.discard([c.id for c in replaced])
        self._site.docker.remove_later([c.id for c in old], self._site.log)
        return self._site.board()

    @staticmethod
    def _needless(ready: Ready, board: Board) -> list[RunningEdge]:
        """The edges of services that the release does not have."""
        names = {edge.name for edge in ready.edges}
        return [edge for edge in board.edges if edge.name not in names]

    def _edges_to_start(
        self,
        ready: Ready,
        make: Sequence[Edge],
        board: Board,
        beside: dict[str, list[Container]],
        taken: Collection[str],
    ) -> Compose:
        configs = {}
        for edge in make:
            serving = {n: board.serving(n) or beside.get(n, []) for n in edge.services}
            carried = carry(edge, ready.layout.fronted, None, serving, warm=drained(board))
            configs[edge.name] = render(carried, generation=generation(carried))
        labels = edge_compose.labels_of(ready.compose.model)
        image = self._site.settings.image
        services = edge_compose.edge_services(make, configs, image=image, labels=labels, taken=taken)
        return replace(ready.compose, model={**ready.compose.model, "services": services})

    def _create(self, compose: Compose) -> list[str]:
        """Make containers while those before them still serve: what takes time, and may fail, cuts nobody then."""
        done = compose.docker.run(create_command(compose.project, compose.directory), env={**compose.environ, **WITHOUT_ORPHANS}, input=compose.document)  # fmt: skip
        if not done.ok:
            said = compose_refusal(done.stderr.splitlines()) or "Docker Compose could not make the edge"
            raise DeploymentFailed(said, remedy="run the same command again", blames=False)
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
            keep_warm: those before stay for the way back, and what the release no longer has until `end_gone`; otherwise they are
                asked to end.
        """
        there = standing(ready, board)
        self._insist(ready, there, board)
        board = self._places.empty(board)
        self._places.wait(board)
        gone = set(ready.to_do("remove")) if keep_warm else set()
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
            e
            for e in self._needless(ready, board)
            if not e.carried.ports or not e.carried.ports.keys() <= gone or ready.in_the_way(e)
        ]
        self._site.docker.discard([edge.container.id for edge in needless])
        carried = {running.name: after for running, after in moves}
        turned = replace(
            board,
            edges=tuple(replace(e, carried=carried.get(e.name, e.carried)) for e in board.edges if e not in needless),
        )
        return self._ending.end_replaced(ready, turned, keep_warm=keep_warm)

    def end_gone(self, ready: Ready) -> None:
        """End what the release no longer has: it has proved well, and what ran before it calls nobody any more."""
        board = self._site.board()
        leaving = [c for c in _gone(ready, board) if c.id not in board.leaving]
        needless = self._needless(ready, board)
        if not leaving and not needless:
            return
        gone = set(ready.to_do("remove"))
        stay = [e for e in board.edges if e not in needless and e.container.status == "running"]
        self._site.edges.apply([(e, after) for e in stay if (after := closed(e.carried, gone)) != e.carried])
        self._site.docker.discard([edge.container.id for edge in needless])
        self._site.docker.remove([c.id for c in leaving if not c.beside])
        self._ending.end_gone([c for c in leaving if c.beside], self._site.board())

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


def _gone(ready: Ready, board: Board) -> list[Container]:
    """The containers of services that the release does not have."""
    return [c for c in board.services if c.service in ready.to_do("remove")]


def _published(ready: Ready) -> set[str]:
    """Ports of the engine's host that the release publishes, through edges or by services themselves."""
    services = ready.compose.model["services"]
    return {port.published for edge in ready.edges for port in edge.published} | {
        str(port.get("published") or "")
        for name in ready.layout.in_place
        if name in services
        for port in services[name].get("ports") or ()
    }
