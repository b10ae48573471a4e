"""One published port for several services: an edge that reads the name a client asks for in its first message, and passes
the connection on as it is. It leads to services by their names on the network, and so knows nothing of releases. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from windlass.deploy.docker.edge.allocate import NAME, Edge
from windlass.deploy.docker.edge.layout import Publication
from windlass.errors import ConfigError
from windlass.model.events import Emit, Notice
from windlass.model.project import SniSpec

ROUTER = f"{NAME}-sni"


def routers(
    specs: Sequence[SniSpec], services: Mapping[str, Mapping[str, Any]], environment: str, emit: Emit
) -> tuple[Edge, ...]:
    """The edge that tells names apart; none where nothing is to be told apart.

    Args:
        services: those that are to run, as Compose has them, ports as published in this environment.

    Raises:
        ConfigError: a service publishes such a port itself, or has no network on which it could be reached.
    """
    routes: dict[int, dict[str, tuple[str, int]]] = {}
    networks: dict[str, tuple[str, ...]] = {}
    for spec in specs:
        where = f"windlass.yaml: environments.{environment}.edge.sni.{spec.port}"
        if (owner := _publishes(spec.port, services)) is not None:
            raise ConfigError(
                f"{owner} publishes port {spec.port} itself",
                where=where,
                remedy=f"take it out of the ports of {owner}, or move it by ports or port_offset of the environment",
            )
        service = services.get(spec.service)
        if service is None:
            emit(
                Notice(f"edge.sni: {spec.name} leads to {spec.service}, which is no service of this release", "warning")
            )
            continue
        reached = next(iter(service.get("networks") or {}), None)
        if reached is None:
            raise ConfigError(
                f"{spec.service} has no network of this environment, on which the edge could reach it",
                where=where,
                remedy=f"take {spec.name} out, or give the service a network",
            )
        networks[reached] = ()
        routes.setdefault(spec.port, {})[spec.name] = (spec.service, spec.target)
    if not routes:
        return ()
    published = tuple(Publication(port, str(port)) for port in sorted(routes))
    return (Edge(ROUTER, (), dict(sorted(networks.items())), published, routes=routes),)


def _publishes(port: int, services: Mapping[str, Mapping[str, Any]]) -> str | None:
    for name, service in services.items():
        for entry in service.get("ports") or ():
            first, _, last = str(entry.get("published") or "").partition("-")
            tcp = (entry.get("protocol") or "tcp") == "tcp"
            if tcp and first.isdigit() and int(first) <= port <= int(last or first):
                return name
    return None
