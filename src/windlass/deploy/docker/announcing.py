"""What a deployment does to users and to edges, in words, so that it can be said beforehand. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from windlass.deploy.docker.edge import reuse
from windlass.deploy.docker.edge.allocate import Edge
from windlass.deploy.docker.edge.board import Board, RunningEdge, otherwise
from windlass.deploy.docker.edge.layout import RUNS_ONCE, Layout
from windlass.deploy.docker.edge.reuse import claims, listens
from windlass.deploy.docker.edge.routes import change
from windlass.deploy.interface import Change

Early = Literal["before", "at the switch", ""]

_REFUSED: Mapping[Early, str] = {
    "": "once the release has proved well, calls to it are refused",
    "before": "it ends before what is new serves, which may need what it holds: calls to it are refused from then on",
    "at the switch": "its port, its name or its edge is needed otherwise: from the switch on, calls to it are refused",
}

_MAY_END = "it is taken for one that runs once and ends"
_CUT = "requests that are still under way through it are cut"


def why_anew(
    edge: Edge,
    running: RunningEdge | None,
    edges: Sequence[Edge],
    layout: Layout,
    services: Mapping[str, Mapping[str, Any]],
) -> str:
    """Why an edge cannot go on as it runs; "" where it can."""
    claimed = claims(edge.name, edges, services, layout.fronted)
    return reuse.why_anew(running.made_for if running else None, edge, listens(edge, layout.fronted), claimed)


def edge_changes(
    edges: Sequence[Edge], board: Board, layout: Layout, services: Mapping[str, Mapping[str, Any]]
) -> list[Change]:
    """What becomes of edges that are there: those that do not run, those that do not suffice, and those that come to do something else. New ones
    cut nobody off and are not told, but for what they do with names."""
    found = []
    for edge in edges:
        running = board.edge(edge.name)
        if running is not None and running.container.status != "running":
            reason = (
                f"it is {running.container.status}: nobody reaches {', '.join(edge.services) or 'names'} through it"
            )
            found.append(Change(edge.name, "recreate", reason))
        elif running is not None and (why := why_anew(edge, running, edges, layout, services)):
            found.append(Change(edge.name, "recreate", f"{why}; its connections are cut for about a second", True))
        elif cut(edge.name, board):
            found.append(Change(edge.name, "recreate", f"it was about to go; {_CUT}", True))
        elif why := otherwise(running, edge, layout.fronted):
            found.append(Change(edge.name, "update", why))
    names = {edge.name for edge in edges}
    for gone in (e for e in board.edges if e.name not in names and not board.ends(e)):
        if gone.carried.routes:
            found.append(Change(gone.name, "update", change(gone.carried.routes, {})))
        else:
            found.append(Change(gone.name, "remove", "no service needs it any more"))
    return found


def cut(edge: str, board: Board) -> str:
    """What is to be said when an edge is made while the one before it still ends; "" where none does."""
    for one in board.edges:
        if one.name == edge and board.ends(one) and one.container.status == "running":
            services = ", ".join(one.made_for.get("services") or ("names",))
            return f"the edge of {services} was about to go: {_CUT}"
    return ""


def explained(change: Change, layout: Layout, board: Board, early: Mapping[str, Early] | None = None) -> Change:
    """A service that cannot run twice is said to be stopped for a moment, and why; one that runs, and that no edge leads to,
    is said to be there; and of one that goes, from when on calls to it are refused.

    Args:
        early: services that do not stay until the release has proved well, and when they go.
    """
    serving = board.serving(change.service)
    if change.action == "remove" and any(not c.worker and not c.ended_well for c in serving):
        when = _REFUSED[(early or {}).get(change.service, "")]
        return replace(change, reason=f"{change.reason}; {when}", noticed=True)
    reason = layout.in_place.get(change.service)
    uncalled = change.service in layout.workers or reason == RUNS_ONCE
    if change.action == "recreate" and uncalled and any(c.fronted for c in serving):
        said = f"{change.reason}; it takes no calls any more: from the switch on they are refused"
        return replace(change, reason=said, noticed=True)
    running = [c for c in board.services if c.service == change.service and c.fronted and c.status == "running"]
    if change.action == "create" and running:
        ending = all(c.id in board.leaving for c in running)
        return Change(
            change.service, change.action, "it was about to go" if ending else "no edge leads to its containers"
        )
    if change.action == "recreate" and change.service in layout.fronted:
        if any(not c.fronted for c in board.serving(change.service)):
            moved = "it is moved behind an edge, once; its connections are cut for about a second"
            return replace(change, reason=f"{change.reason}; {moved}", noticed=True)
        return change
    if change.action == "recreate" and reason == RUNS_ONCE and any(c.status == "running" for c in serving):
        return replace(change, reason=f"{change.reason}; it still runs, and is stopped first: {_MAY_END}", noticed=True)
    if change.action != "recreate" or not reason or change.cause == "unwell" or reason == RUNS_ONCE:
        return change
    return replace(change, reason=f"{change.reason}; it is stopped and started: {reason}", noticed=True)
