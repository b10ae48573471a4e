"""One environment on an engine, as every step of a deployment needs it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from windlass.compose.load import ComposeModel
from windlass.deploy.docker import partial
from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.edge import compose as edge_compose
from windlass.deploy.docker.edge.board import Board
from windlass.deploy.docker.edge.client import EdgeClient
from windlass.deploy.docker.edge.edges import Edges
from windlass.deploy.docker.engine import Docker
from windlass.deploy.docker.preparing import Ready
from windlass.errors import DeploymentFailed
from windlass.model.project import EdgeSpec, Environment
from windlass.waiting import Clock


@dataclass(frozen=True, slots=True)
class Site:
    """`name` is the Compose project; `folder` the environment's own on this machine."""

    environment: Environment
    name: str
    docker: Docker
    edges: Edges
    folder: Path
    clock: Clock

    @property
    def log(self) -> Path:
        """A file for what programs say that outlive this one."""
        return self.folder / "removal.log"

    @property
    def settings(self) -> EdgeSpec:
        return self.environment.edge or EdgeSpec()

    def board(self, *, ask: bool = False) -> Board:
        return self.edges.board(self.docker.containers(self.name), ask=ask)

    def edges_answer(self, names: Iterable[str]) -> None:
        """Wait until edges take commands. Raises DeploymentFailed."""
        board = self.board()
        for name in names:
            edge = board.edge(name)
            if edge is None:
                raise DeploymentFailed(
                    f"the edge {name} did not come up", remedy="run the same command again", blames=False
                )
            EdgeClient(edge.container.id, docker=self.docker).wait()


def part_to_start(ready: Ready, services: Sequence[str], board: Board) -> ComposeModel:
    """The model with these services alone, under the names they are started under."""
    stay = {container.service: container.id for container in board.current if container.state != "exited"}
    return edge_compose.renamed(partial.part(ready.compose.model, services, stay), ready.instances)


def standing(ready: Ready, board: Board) -> dict[str, list[Container]]:
    """The running containers of the release, of services that stand beside their old ones."""
    return {
        name: [c for c in board.services if c.key == key and c.status == "running" and c.addresses]
        for name, key in ready.instances.items()
    }


def drained(board: Board) -> dict[str, list[Container]]:
    """Service → containers that served before and keep their connections."""
    found: dict[str, list[Container]] = {}
    for container in board.services:
        if container.id in board.drained:
            found.setdefault(container.service, []).append(container)
    return found
