"""Ending containers whose time as the way back is over, unless they serve again."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path

from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.edge.board import Board
from windlass.deploy.docker.edge.edges import Edges
from windlass.deploy.docker.engine import Docker
from windlass.deploy.docker.fence import Fence
from windlass.deploy.warm import Warm
from windlass.errors import DeploymentFailed
from windlass.model.project import EngineSpec


def end_due(
    folder: Path, project: str, engine: EngineSpec | None, *, now: Callable[[], float] = time.time
) -> tuple[str, ...]:
    """End what is due. No deployment from this machine is at work meanwhile, and the edges themselves are asked what they
    lead to.

    Args:
        folder: the environment's own.

    Returns:
        The ids of containers that were asked to end.

    Raises:
        Locked: a deployment is at work.
        EngineUnavailable: the engine cannot be asked.
        DeploymentFailed: an edge cannot.
    """
    docker, warm = Docker(engine), Warm(folder / "warm.json")
    edges = Edges(folder / "edge.json", docker, now=now)
    with Fence(folder / "state.json").entered(None):
        due = {*warm.due(now()), *edges.read().overdue(now())}
        if not due:
            return ()
        board = edges.board(docker.containers(project), ask=True)
        unsure = [edge.name for edge in board.edges if not edge.sure and edge is board.edge(edge.name)]
        if unsure:
            raise DeploymentFailed(f"the edge {unsure[0]} does not say what it carries", blames=False)
        ending = expired(board, due)
        ended = tuple(container.id for container in ending)
        if ended:
            edges.note_leaving({container.id: container.grace for container in ending}, board.containers)
            docker.remove_later(ended, folder / "removal.log")
        warm.forget(due)
        return ended


def expired(board: Board, due: Collection[str]) -> list[Container]:
    """Containers that may end: an edge leads to others of their service; or they were asked to end already, and are stuck."""
    led_to = {server.id for edge in board.edges for name in edge.carried.slots for server in edge.carried.ready(name)}
    warm = [
        c
        for c in board.idle
        if c.id in due and c.id not in board.leaving and any(other.id in led_to for other in board.serving(c.service))
    ]
    return [*warm, *(c for c in board.stuck if c.id in due)]
