"""Services that a release no longer has, at edges that go on until it has proved well: what ran before may still call them.
Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from windlass.deploy.docker.edge.allocate import Edge
from windlass.deploy.docker.edge.board import RunningEdge
from windlass.deploy.docker.edge.render import Carried
from windlass.deploy.docker.edge.reuse import Claims, overlap, publications


def lingering(before: Carried, after: Carried, gone: Collection[str]) -> Carried:
    """What an edge comes to carry, and beside it what it carried of services that go; not where one of their ports is needed.

    Args:
        before: what it carries.
        after: what it is to carry for the release.
        gone: services that the release does not have.
    """
    needed = {port for ports in after.ports.values() for port in ports} | set(after.routes)
    stay = [n for n in before.ports if n in gone and n not in after.ports and not needed & before.ports[n].keys()]
    listening = {port for name in (*after.ports, *stay) for port in {**before.ports, **after.ports}[name]}
    routes = {
        port: {name: place for name, place in names.items() if place[0] in gone} | dict(after.routes.get(port, {}))
        for port, names in before.routes.items()
        if port not in listening
    }
    return replace(
        after,
        ports={**after.ports, **{name: before.ports[name] for name in stay}},
        slots={**after.slots, **{name: before.slots[name] for name in stay if name in before.slots}},
        tls={**after.tls, **{name: before.tls[name] for name in stay if name in before.tls}},
        routes={**after.routes, **{port: names for port, names in routes.items() if names}},
    )


def closed(carried: Carried, gone: Collection[str]) -> Carried:
    """The same without these services."""
    routes = {
        port: {name: place for name, place in names.items() if place[0] not in gone}
        for port, names in carried.routes.items()
    }
    return replace(
        carried,
        ports={name: ports for name, ports in carried.ports.items() if name not in gone},
        slots={name: slots for name, slots in carried.slots.items() if name not in gone},
        tls={name: ends for name, ends in carried.tls.items() if name not in gone},
        routes={port: names for port, names in routes.items() if names},
    )


def serves_only(carried: Carried, gone: Collection[str]) -> bool:
    """Whether an edge leads to services that go, and to no others."""
    led_to = {*carried.ports, *(place[0] for names in carried.routes.values() for place in names.values())}
    return bool(led_to) and led_to <= set(gone)


def roomy(edge: Edge, running: RunningEdge, gone: Collection[str], claimed: Claims) -> Edge:
    """An edge that is made anew, with what the running one has of services that go: their published ports and the names on
    the same networks, but for what others need.

    Args:
        claimed: what others of the release need.
    """
    wanted = {port.target for port in edge.published}
    theirs = {port for name in gone for port in running.carried.ports.get(name, ())} - wanted
    routes = running.carried.routes.items()
    theirs |= {port for port, names in routes if any(place[0] in gone for place in names.values())} - wanted
    published = [
        port
        for port in publications(running.made_for)
        if port.target in theirs and not any(overlap(port, other) for other in (*claimed.published, *edge.published))
    ]
    there = running.made_for.get("networks") or {}
    networks = {
        key: tuple(dict.fromkeys((*names, *(set(there.get(key) or ()) - claimed.names.get(key, frozenset())))))
        for key, names in edge.networks.items()
    }
    return replace(
        edge,
        networks={key: tuple(sorted(names)) for key, names in networks.items()},
        published=tuple(sorted((*edge.published, *published), key=lambda p: (p.target, p.published))),
    )
