"""Whether an edge that runs can go on as it is: to make it anew would cut the connections of all its services. Pure.

It may publish more than is wanted, and answer to more names, where nothing listens there any more and nobody else wants
them: a client is refused then, as if the port were closed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from windlass.deploy.docker.edge.allocate import Edge
from windlass.deploy.docker.edge.layout import Fronted, Publication, names_on_networks
from windlass.deploy.docker.edge.render import Carried

_EVERYWHERE = ("", "0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Claims:
    """What others of the same release need for themselves: ports of the engine's host, and names on networks."""

    published: tuple[Publication, ...] = ()
    names: Mapping[str, frozenset[str]] = field(default_factory=dict)


def claims(
    edge: str, edges: Iterable[Edge], services: Mapping[str, Mapping[str, Any]], fronted: Collection[str]
) -> Claims:
    """What is claimed beside an edge.

    Args:
        edge: its name.
        edges: all of the release.
        services: of the release, as Compose has them; those of `fronted` claim nothing, their edges do.
    """
    published: list[Publication] = []
    names: dict[str, set[str]] = {}
    for other in edges:
        if other.name != edge:
            published += other.published
            for network, known in other.networks.items():
                names.setdefault(network, set()).update(known)
    for name, service in services.items():
        if name not in fronted:
            published += [
                Publication(int(port["target"]), str(port.get("published") or ""), str(port.get("host_ip") or ""))
                for port in service.get("ports") or ()
                if (port.get("protocol") or "tcp") == "tcp"
            ]
            for network, known in names_on_networks(name, service).items():
                names.setdefault(network, set()).update(known)
    return Claims(tuple(published), {network: frozenset(known) for network, known in names.items()})


def listens(edge: Edge, fronted: Mapping[str, Fronted]) -> frozenset[int]:
    """The ports in its container on which an edge is to take connections."""
    return frozenset({port for name in edge.services for port in fronted[name].ports} | set(edge.routes))


def why_anew(there: Mapping[str, Any] | None, edge: Edge, listening: Collection[int], claimed: Claims) -> str:
    """Why an edge has to be made anew, in a few words; "" where the one that runs can do what is wanted.

    Args:
        there: what the running one was made for (`compose.to_document`).
        listening: as `listens` says.
    """
    if there is None:
        return "it is not there"
    before, after = publications(there), set(edge.published)
    said = [f"port {_shown(port)} is new" for port in _sorted(after - before)]
    for port in _sorted(before - after):
        if port.target in listening:  # other services may go on asking there, the outside must not
            said.append(f"port {_shown(port)} is gone")
        elif any(overlap(port, other) for other in claimed.published):
            said.append(f"port {_shown(port)} goes to another service")
    networks: Mapping[str, Iterable[str]] = there.get("networks") or {}
    added, left = edge.networks.keys() - networks.keys(), networks.keys() - edge.networks.keys()
    # What has left a network must not be reached from there; an edge without services lets nobody in there.
    other = bool(added or (left and edge.services))
    other = other or any(set(names) - set(networks[key]) for key, names in edge.networks.items())
    if other:
        said.append("it gets other names or networks")
    for key, names in networks.items():
        taken = (set(names) - set(edge.networks.get(key, ()))) & claimed.names.get(key, frozenset())
        said += [f"the name {name} goes to another service" for name in sorted(taken)]
    return ", ".join(said)


def needed_elsewhere(there: Mapping[str, Any], claimed: Claims) -> bool:
    """Whether a running edge that is not needed has what others need: a port, or a name.

    Args:
        there: what it was made for.
    """
    networks: Mapping[str, Iterable[str]] = there.get("networks") or {}
    return any(overlap(port, other) for port in publications(there) for other in claimed.published) or any(
        claimed.names.get(key, frozenset()) & set(names) for key, names in networks.items()
    )


def closing(there: Mapping[str, Any], edge: Edge, carried: Carried) -> str:
    """What becomes of ports that an edge that goes on publishes in vain from now on; "" for nothing."""
    open_now = {port for ports in carried.ports.values() for port in ports} | set(carried.routes)
    gone = [_shown(port) for port in _sorted(publications(there) - set(edge.published)) if port.target in open_now]
    if not gone:
        return ""
    ports, they = ("port " + gone[0], "it stays") if len(gone) == 1 else ("ports " + ", ".join(gone), "they stay")
    return f"{ports} closed, no connection of others is cut; {they} taken on the engine until the edge is made anew"


def publications(document: Mapping[str, Any]) -> set[Publication]:
    """What an edge publishes, as it stands in its label."""
    return {Publication(int(p[0]), str(p[1]), str(p[2])) for p in document.get("published") or ()}


def overlap(one: Publication, other: Publication) -> bool:
    """Whether two cannot be published on one engine. Ports that the engine chooses are never in the way."""
    mine, theirs = _range(one.published), _range(other.published)
    if mine is None or theirs is None or mine[0] > theirs[1] or theirs[0] > mine[1]:
        return False
    return one.host_ip == other.host_ip or one.host_ip in _EVERYWHERE or other.host_ip in _EVERYWHERE


def _range(published: str) -> tuple[int, int] | None:
    first, _, last = published.partition("-")
    return (int(first), int(last or first)) if first.isdigit() and (not last or last.isdigit()) else None


def _shown(port: Publication) -> str:
    return port.published or str(port.target)


def _sorted(ports: Iterable[Publication]) -> list[Publication]:
    return sorted(ports, key=lambda port: (port.target, port.published, port.host_ip))
