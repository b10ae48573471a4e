"""The `docker` program: what is asked of it, and what its answers mean."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from windlass import process
from windlass.deploy.docker.containers import Container, parse_containers
from windlass.deploy.docker.edge.layout import ImageFacts
from windlass.errors import EngineUnavailable

_START_INTERVAL_API = (1, 44)  # Engine 25
_LOOKS = 5
_CONNECT = 1.0


@dataclass(frozen=True, slots=True)
class Image:
    """A local image: its id, its own health check as `docker image inspect` prints it, and what else it says of itself."""

    id: str
    health: Mapping[str, Any]
    facts: ImageFacts


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine that answered. `api` is (major, minor) of its HTTP interface."""

    version: str
    api: tuple[int, ...]

    @property
    def knows_start_interval(self) -> bool:
        return self.api >= _START_INTERVAL_API


def connect() -> Engine:
    """Ask the engine for its version.

    Raises:
        EngineUnavailable: docker is not installed, or nothing answers.
    """
    printed = _docker(["version", "--format", "{{json .Server}}"])
    server = json.loads(printed)
    if not server:
        raise EngineUnavailable("the container engine does not answer", remedy=_REMEDY)
    return Engine(server.get("Version", ""), tuple(int(part) for part in server.get("ApiVersion", "0").split(".")))


def containers(project: str) -> list[Container]:
    """All containers of a Compose project, running or not.

    Raises:
        EngineUnavailable
    """
    label = f"label=com.docker.compose.project={project}"
    for _ in range(_LOOKS):
        ids = _docker(["ps", "--all", "--quiet", "--no-trunc", "--filter", label]).split()
        if not ids:
            return []
        done = _attempt(["inspect", "--type", "container", *ids])
        # Containers removed in between are missing from the answer, which is right; the code is not 0 then.
        if done.ok or json.loads(done.stdout or "[]"):
            return parse_containers(done.stdout)
    raise refusal(done.stderr)


def unused_networks(project: str) -> dict[str, str]:
    """Networks of a Compose project that nothing is connected to: key in the Compose file → id."""
    label = "com.docker.compose.network"
    printed = _docker(
        ["network", "ls", "--filter", f"label=com.docker.compose.project={project}", "--filter", "dangling=true",
         "--format", f'{{{{.ID}}}} {{{{.Label "{label}"}}}}']
    )  # fmt: skip
    return {key: id for id, _, key in (line.partition(" ") for line in printed.splitlines()) if key}


def remove_networks(ids: Sequence[str]) -> None:
    """Remove networks; one that came into use again stays."""
    if ids:
        _attempt(["network", "rm", *ids])


def images(references: Sequence[str]) -> dict[str, Image]:
    """The images among `references` that are on the engine."""
    unique = sorted(set(references))
    if not unique:
        return {}
    together = _attempt(["image", "inspect", *unique])
    if together.ok:
        return dict(zip(unique, map(_image, json.loads(together.stdout)), strict=True))
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda reference: _attempt(["image", "inspect", reference]), unique)
    return {
        reference: _image(json.loads(done.stdout)[0])
        for reference, done in zip(unique, answers, strict=True)
        if done.ok
    }


def remove(ids: Sequence[str]) -> None:
    """Remove containers. Those that run are asked to end first, for as long as each was given to do so."""
    if ids:
        _attempt(["stop", *ids])
        _docker(["rm", "--force", *ids])


def remove_later(ids: Sequence[str], log: Path, *, after: float = 0.0) -> None:
    """Ask containers to end `after` some seconds, and remove them, without waiting for it: each has as long as it was given
    to end."""
    if ids:
        words = f'sleep {after:.0f}; docker stop "$@"; docker rm --force --volumes "$@"'
        process.detach(["sh", "-c", words, "sh", *ids], log=log)


def unplug(containers: Iterable[Container]) -> None:
    """Take containers off their networks, so that the ports they publish are free at once."""
    for container in containers:
        for network, _ in container.addresses:
            _attempt(["network", "disconnect", "--force", network, container.id])


def discard(ids: Sequence[str]) -> None:
    """Remove containers that nobody uses, at once."""
    if ids:
        _attempt(["rm", "--force", "--volumes", *ids])


def tail(container: str, lines: int) -> list[str]:
    """The last lines a container wrote, standard output and error together."""
    said: list[str] = []
    process.stream(["docker", "logs", "--tail", str(lines), container], said.append)
    return said


def is_here(gateways: Iterable[str]) -> bool:
    """Whether one of an engine's addresses on its networks is this machine's own: containers are reached directly then,
    and not where the engine is in a virtual machine or elsewhere."""
    for gateway in gateways:
        family = socket.AF_INET6 if ":" in gateway else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.bind((gateway, 0))
                return True
        except OSError:
            continue
    return False


def listens(address: str, ports: Iterable[int]) -> bool:
    """Whether something takes connections on one of the ports of an address."""
    for port in ports:
        try:
            with socket.create_connection((address, port), timeout=_CONNECT):
                return True
        except OSError:
            continue
    return False


def host() -> str:
    """The host name under which published ports are reached from here."""
    address = os.environ.get("DOCKER_HOST", "")
    if address.startswith(("tcp://", "ssh://", "http://", "https://")):
        return urlsplit(address).hostname or "localhost"
    return "localhost"


_REMEDY = "start Docker Desktop, or the service: sudo systemctl start docker"


def _image(document: Mapping[str, Any]) -> Image:
    config = document.get("Config") or {}
    exposed = [key.partition("/") for key in config.get("ExposedPorts") or {}]
    ports = tuple(sorted(int(port) for port, _, kind in exposed if port.isdigit() and kind in ("", "tcp")))
    return Image(document["Id"], config.get("Healthcheck") or {}, ImageFacts(ports, tuple(config.get("Volumes") or ())))


def _docker(arguments: Sequence[str]) -> str:
    done = _attempt(arguments)
    if not done.ok:
        raise refusal(done.stderr)
    return done.stdout


def _attempt(arguments: Sequence[str]) -> process.Completed:
    try:
        return process.run(["docker", *arguments])
    except process.ProgramMissing as error:
        raise EngineUnavailable(
            "Docker is not installed", remedy="install Docker Desktop or Docker Engine, or put docker on PATH"
        ) from error


def refusal(stderr: str) -> EngineUnavailable:
    """The error for a `docker` command that the engine did not carry out."""
    said = (stderr.strip().splitlines() or ["no answer"])[-1]
    if "permission denied" in stderr:
        return EngineUnavailable(
            "the container engine refuses this user", remedy="add yourself to the docker group, then log in again"
        )
    return EngineUnavailable(f"the container engine does not answer: {said}", remedy=_REMEDY)
