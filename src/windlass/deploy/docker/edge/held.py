"""Ports that the edge of another environment has on the same engine, told before anything is touched."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from windlass.deploy.docker import naming
from windlass.deploy.docker.edge.board import Board
from windlass.deploy.docker.edge.client import EdgeClient
from windlass.deploy.docker.edge.layout import Publication
from windlass.deploy.docker.edge.reuse import overlap, publications
from windlass.deploy.docker.engine import Docker
from windlass.errors import DeploymentFailed


@dataclass(frozen=True, slots=True)
class Holder:
    """An edge that runs: its container, its Compose project and environment, and what it publishes."""

    id: str
    name: str
    project: str
    environment: str
    published: frozenset[Publication]


def list_command() -> list[str]:
    """Every edge that runs on the engine, one line each."""
    labels = ("com.docker.compose.project", naming.ENVIRONMENT, naming.EDGE)
    fields = ["{{.ID}}", "{{.Names}}", *(f'{{{{.Label "{label}"}}}}' for label in labels)]
    return ["docker", "ps", "--no-trunc", "--filter", f"label={naming.EDGE}", "--format", "\t".join(fields)]


def parse_holders(printed: str) -> list[Holder]:
    """What `list_command` prints; lines that say nothing of use are left out."""
    found = []
    for line in printed.splitlines():
        id, name, project, environment, label = (*line.split("\t", 4), "", "", "", "")[:5]
        try:
            document: Mapping[str, Any] = json.loads(label)
            found.append(Holder(id, name, project, environment, frozenset(publications(document))))
        except (ValueError, TypeError, IndexError, AttributeError):
            continue
    return found


def refuse_held(wanted: Iterable[Publication], board: Board, project: str, docker: Docker) -> None:
    """See that no other environment's edge has a port that an edge is to publish.

    Args:
        wanted: what edges that are to be made publish.
        project: the Compose project of this environment.

    Raises:
        DeploymentFailed: it has, and the message says whether anything there still needs it.
    """
    mine = {port for edge in board.edges for port in publications(edge.made_for)}
    fresh = [port for port in wanted if port.published and port not in mine]
    if not fresh:
        return
    listed = docker.run(list_command())
    for holder in parse_holders(listed.stdout if listed.ok else ""):
        if holder.project == project:
            continue
        for port in fresh:
            theirs = next((held for held in holder.published if overlap(port, held)), None)
            if theirs is not None:
                raise refusal(port, holder, theirs.target in _open(holder, docker))


def refusal(port: Publication, holder: Holder, needed: bool) -> DeploymentFailed:
    there = f"the environment {holder.environment}" if holder.environment else holder.project
    if needed:
        return DeploymentFailed(
            f"port {port.published} is published by {there} on the same engine",
            remedy="give one of them another port: ports or port_offset in windlass.yaml",
            blames=False,
        )
    return DeploymentFailed(
        f"port {port.published} is still taken by the edge of {there}, where nothing needs it any more",
        remedy=f"docker rm --force {holder.name}, and deploy {holder.environment or 'that environment'} again at once "
        "(its users are cut off meanwhile); or give this environment another port: ports or port_offset in windlass.yaml",
        blames=False,
    )


def _open(holder: Holder, docker: Docker) -> set[int]:
    """The ports in its container on which an edge takes connections; where it does not say, those that it was made for."""
    try:
        carried, _ = EdgeClient(holder.id, docker=docker).ask()
    except DeploymentFailed:
        carried = None
    if carried is None:
        return {port.target for port in holder.published}
    return {port for ports in carried.ports.values() for port in ports} | set(carried.routes)
