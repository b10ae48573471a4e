"""Services that a release no longer has: which of them serve until it has proved well, and which give way before. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from windlass.deploy.docker.announcing import Early, why_anew
from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.edge.allocate import Edge
from windlass.deploy.docker.edge.board import Board
from windlass.deploy.docker.edge.layout import RUNS_ONCE, Layout, Publication
from windlass.deploy.docker.edge.reuse import Claims, claims, listens, needed_elsewhere, overlap
from windlass.deploy.interface import Change


def gives_way(changes: Sequence[Change], layout: Layout, board: Board, claimed: Claims) -> frozenset[str]:
    """The services in place of which containers go before anything new starts in place: it may be one of them under another
    name, with its volume, its address or a device; those whose port or name another service takes; and those that were
    about to go when the release came that has them again."""
    stays = {change.service for change in changes if change.action != "remove"}
    there = {c.service for c in board.services}
    new = any(
        (change.action in ("create", "recreate") and layout.in_place.get(change.service, RUNS_ONCE) != RUNS_ONCE)
        or (change.action == "create" and change.service in layout.fronted and change.service not in there)
        for change in changes
    )
    return frozenset(
        c.service
        for c in board.services
        if not c.beside and ((c.id in board.leaving) if c.service in stays else (new or _taken(c, claimed)))
    )


def _taken(container: Container, claimed: Claims) -> bool:
    held = [Publication(port, str(at), host) for port, _, host, at in container.ports]
    return any(overlap(mine, other) for mine in held for other in claimed.published) or any(
        container.service in names for names in claimed.names.values()
    )


def cut_off(
    service: str, board: Board, edges: Sequence[Edge], layout: Layout, services: Mapping[str, Mapping[str, Any]]
) -> bool:
    """Whether the edge that leads to a service that goes cannot do so any longer than until the switch."""
    running = board.edge(board.carrier.get(service, ""))
    if running is None:
        return False
    wanted = next((edge for edge in edges if edge.name == running.name), None)
    claimed = claims(running.name, edges, services, layout.fronted)
    if wanted is None:
        return needed_elsewhere(running.made_for, claimed)
    ports = set(running.carried.ports.get(service, ()))
    published = [Publication(*port) for port in running.made_for.get("published") or () if port[0] in ports]
    if any(service in names for names in claimed.names.values()):
        return True
    if running.carried.tls.get(service) and why_anew(wanted, running, edges, layout, services):
        return True  # it is given no certificates but those of the release
    return bool(ports & listens(wanted, layout.fronted)) or any(
        overlap(port, other) for port in published for other in (*claimed.published, *wanted.published)
    )


def early(
    changes: Sequence[Change],
    edges: Sequence[Edge],
    layout: Layout,
    board: Board,
    services: Mapping[str, Mapping[str, Any]],
) -> dict[str, Early]:
    """The services that go before a release has proved well, and when.

    Args:
        edges: of the release; `services` those that it runs, as Compose has them.
    """
    way = gives_way(changes, layout, board, claims("", edges, services, layout.fronted))
    found: dict[str, Early] = dict.fromkeys(way, "before")
    for change in changes:
        if change.action == "remove" and cut_off(change.service, board, edges, layout, services):
            found[change.service] = "at the switch"
    return found
