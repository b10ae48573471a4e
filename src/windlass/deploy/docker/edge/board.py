"""What runs in an environment, told apart: what serves, what waits beside it, and the edges. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.edge import reuse, routes
from windlass.deploy.docker.edge.allocate import Edge
from windlass.deploy.docker.edge.layout import Fronted
from windlass.deploy.docker.edge.render import Carried, Server, place
from windlass.deploy.docker.edge.tls import Tls


@dataclass(frozen=True, slots=True)
class RunningEdge:
    """An edge container. `made_for` is what it was made for (`edge.compose.to_document`), `carried` what it carries now;
    `sure` says that it was asked, and does what its configuration file says."""

    container: Container
    made_for: Mapping[str, Any]
    carried: Carried
    sure: bool = False

    @property
    def name(self) -> str:
        return str(self.made_for.get("name") or "")


@dataclass(frozen=True, slots=True)
class Board:
    """`services` are all containers that are no edges; `leaving` ids of those that are about to go, `overdue` of those among
    them that should have gone long ago."""

    services: tuple[Container, ...]
    edges: tuple[RunningEdge, ...] = ()
    leaving: frozenset[str] = frozenset()
    overdue: frozenset[str] = frozenset()
    _serving: frozenset[str] = field(default=frozenset(), init=False)

    def __post_init__(self) -> None:
        ready = {s.id for e in self.edges for name in e.carried.slots for s in e.carried.ready(name)}
        object.__setattr__(self, "_serving", frozenset(ready))

    @property
    def containers(self) -> tuple[Container, ...]:
        """All that are there, edges included."""
        return (*self.services, *(edge.container for edge in self.edges))

    @property
    def carrier(self) -> dict[str, str]:
        """Service → the edge that was made for it."""
        return {str(service): edge.name for edge in self.edges for service in edge.made_for.get("services") or ()}

    def serving(self, service: str) -> list[Container]:
        """The containers of a service that do its work: those an edge leads to, or those that stand in place, or the first
        of its workers; or the last ones that have ended as they should."""
        mine = [c for c in self.services if c.service == service]
        behind = [c for c in mine if c.id in self._serving]
        ended = sorted((c for c in mine if c.ended_well and c.id not in self.leaving), key=lambda c: c.finished)
        in_place = [c for c in mine if not c.beside and c.id not in self.leaving]
        return behind or in_place or self._working(mine) or ended[-1:]

    def _working(self, mine: Sequence[Container]) -> list[Container]:
        """The workers among a service's containers that no release has replaced yet: no edge says who serves, but those
        before are asked to end as soon as new ones are to stay, so the ones made first are it."""
        workers = [c for c in mine if c.worker]
        first = min(workers, key=lambda c: (c.id in self.leaving, c.created), default=None)
        return [c for c in workers if first is not None and c.key == first.key]

    @property
    def current(self) -> list[Container]:
        """The containers that serve, of all services."""
        names = dict.fromkeys(container.service for container in self.services)
        return [container for name in names for container in self.serving(name)]

    @property
    def idle(self) -> list[Container]:
        """Containers made to stand behind an edge that get no new request: warm ones, and ones that never got any; and
        workers beside those that do the work."""
        working = {c.id for name in {c.service for c in self.services if c.worker} for c in self.serving(name)}
        return [
            c for c in self.services if (c.fronted and c.id not in self._serving) or (c.worker and c.id not in working)
        ]

    @property
    def stuck(self) -> list[Container]:
        """Containers that were to go and are still there, and do nobody's work, edges that lead nowhere among them: what was
        to end them has ended itself."""
        serving = {c.id for c in self.current} if self.overdue else set()
        idle = [e.container for e in self.edges if not e.carried.ports and not e.carried.routes]
        return [c for c in (*self.services, *idle) if c.id in self.overdue and c.id not in serving]

    @property
    def taken(self) -> frozenset[str]:
        """Names in Compose of containers that are about to go."""
        return frozenset(c.key for c in self.services if c.id in self.leaving)

    def edge(self, name: str) -> RunningEdge | None:
        """An edge that is there to stay."""
        return next((edge for edge in self.edges if edge.name == name and not self.ends(edge)), None)

    def ends(self, edge: RunningEdge) -> bool:
        """Whether an edge is about to go, and will."""
        return edge.container.id in self.leaving - self.overdue

    @property
    def drained(self) -> frozenset[str]:
        """Ids of containers that served before, and may still have connections."""
        return frozenset(
            s.id
            for edge in self.edges
            for slots in edge.carried.slots.values()
            for s in slots
            if s is not None and s.state == "drain"
        )


def made_for(container: Container) -> Mapping[str, Any]:
    """What stands in an edge's label."""
    try:
        document = json.loads(container.edge)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def ends_of(board: Board) -> dict[str, Mapping[int, Tls]]:
    """Where TLS ends now, at all edges that run."""
    return {service: ports for edge in board.edges for service, ports in edge.carried.tls.items()}


def otherwise(edge: RunningEdge | None, wanted: Edge, fronted: Mapping[str, Fronted]) -> str:
    """What an edge that stays comes to do with ports, with TLS and with names, in a few words; "" for nothing. What a new one does is
    told of names alone: no service says it."""
    names = routes.change(edge.carried.routes if edge is not None else {}, wanted.routes)
    if edge is None:
        return names
    said = [said for said in (names, reuse.closing(edge.made_for, wanted, edge.carried)) if said]
    for service in wanted.services:
        before, after = edge.carried.tls.get(service, {}), fronted[service].tls
        for port in sorted(before.keys() | after.keys()):
            old, new = before.get(port), after.get(port)
            if old == new:
                continue
            if old is None or new is None:
                said.append(f"TLS of {service}:{port} {'no longer ends' if new is None else 'ends'} here")
            elif old.way == new.way:
                said.append(f"{service}:{port} shows another certificate, no connection is cut")
            else:
                said.append(f"containers of {service}:{port} are spoken to by other rules")
    return ", ".join(said)


def server(container: Container) -> Server | None:
    """The container as a server; None when it has no address (it does not run)."""
    return Server(container.id, container.addresses[0][1]) if container.addresses else None


def carry(
    edge: Edge,
    fronted: Mapping[str, Fronted],
    before: Carried | None,
    serving: Mapping[str, Sequence[Container]],
    *,
    warm: Mapping[str, Sequence[Container]] | None = None,
) -> Carried:
    """What an edge is to carry.

    Args:
        serving: service → containers that get requests.
        warm: service → containers that keep the connections they have.
    """
    slots = {}
    for name in edge.services:
        ready = [found for c in serving.get(name, ()) if (found := server(c)) is not None]
        ids = {one.id for one in ready}
        kept = [
            Server(found.id, found.address, "drain")
            for c in (warm or {}).get(name, ())
            if c.id not in ids and (found := server(c)) is not None
        ]
        slots[name] = place((before.slots.get(name) if before else None) or (), [*ready, *kept])
    ends = {name: fronted[name].tls for name in edge.services if fronted[name].tls}
    return Carried({name: fronted[name].ports for name in edge.services}, slots, ends, edge.routes)
