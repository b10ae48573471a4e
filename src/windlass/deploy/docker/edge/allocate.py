"""Which edge carries which service. Pure.

A container has one address on a network, so two services that listen on the same port need two edges; and services that
are not on the same networks get different ones, so that an edge never joins what Compose keeps apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from windlass.deploy.docker.edge.layout import Fronted, Publication
from windlass.deploy.docker.edge.routes import Routes
from windlass.deploy.docker.edge.tls import files

NAME = "windlass-edge"


@dataclass(frozen=True, slots=True)
class Edge:
    """One edge container. `networks` maps a network to the names it answers to there; `secrets` are names of files that it
    is given when it starts; `routes` are names that lead to services by SNI (`router.routers`)."""

    name: str
    services: tuple[str, ...]
    networks: Mapping[str, tuple[str, ...]]
    published: tuple[Publication, ...]
    secrets: tuple[str, ...] = ()
    routes: Routes = field(default_factory=dict)


def allocate(fronted: Mapping[str, Fronted], before: Mapping[str, str]) -> tuple[Edge, ...]:
    """The edges to run.

    A service stays at the edge it is at, where that is possible. A new one goes to an edge that is not there yet: to
    answer to another name an edge must be made anew, and that would cut the connections of all its services.

    Args:
        before: service → name of the running edge that carries it.
    """
    groups: dict[str, list[Fronted]] = {}
    for name, service in fronted.items():
        edge = before.get(name)
        if edge is not None and _fits(service, groups.get(edge, [])):
            groups.setdefault(edge, []).append(service)
    running = frozenset(before.values())
    placed = {service.service for group in groups.values() for service in group}
    for name, service in fronted.items():
        if name in placed:
            continue
        open_to_all = [edge for edge in groups if edge not in running]
        edge = next((edge for edge in open_to_all if _fits(service, groups[edge])), None) or _next({*groups, *running})
        groups.setdefault(edge, []).append(service)
    return tuple(_edge(name, group) for name, group in sorted(groups.items(), key=lambda item: _number(item[0])))


def _fits(service: Fronted, group: list[Fronted]) -> bool:
    return all(
        other.networks.keys() == service.networks.keys() and not other.ports.keys() & service.ports.keys()
        for other in group
    )


def _next(taken: set[str]) -> str:
    number = 1
    while _name(number) in taken:
        number += 1
    return _name(number)


def _name(number: int) -> str:
    return NAME if number == 1 else f"{NAME}-{number}"


def _number(name: str) -> int:
    tail = name.removeprefix(f"{NAME}-")
    return int(tail) if tail.isdigit() else 1


def _edge(name: str, group: list[Fronted]) -> Edge:
    ordered = sorted(group, key=lambda service: service.service)
    networks: dict[str, list[str]] = {}
    for service in ordered:
        for network, names in service.networks.items():
            networks.setdefault(network, []).extend(names)
    return Edge(
        name,
        tuple(service.service for service in ordered),
        {network: tuple(sorted(set(names))) for network, names in sorted(networks.items())},
        tuple(
            sorted((port for service in ordered for port in service.published), key=lambda p: (p.target, p.published))
        ),
        tuple(sorted(files({service.service: service.tls for service in ordered}))),
    )
