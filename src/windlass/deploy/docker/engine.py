"""The `docker` program: what is asked of it, and what its answers mean."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from windlass import process
from windlass.deploy.docker import local
from windlass.deploy.docker.containers import Container, parse_containers
from windlass.deploy.docker.edge.layout import ImageFacts
from windlass.deploy.docker.remote import Access, current_context, refusal
from windlass.errors import EngineUnavailable
from windlass.waiting import DeadlinePassed, wait_for

_START_INTERVAL_API = (1, 44)  # Engine 25
_LOOKS = 5
_REMOVING = 60.0
"""Seconds that the engine may take for a removal that is under way."""
_UNDER_WAY = "is already in progress"
"""What the engine says to whoever wants to remove what it is removing."""
_OLDEST_API = (1, 40)  # Engine 19.03: what Docker Compose 2 talks to


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


class Docker(Access):
    """The `docker` program, for one engine."""

    def connect(self) -> Engine:
        """Ask the engine for its version.

        Raises:
            EngineUnavailable: docker is not installed, or nothing answers.
        """
        server = local.version(self._socket) or json.loads(self._docker(["version", "--format", "{{json .Server}}"]))
        if not server:
            raise self.refusal("")
        found = Engine(server.get("Version", ""), tuple(int(part) for part in server.get("ApiVersion", "0").split(".")))
        if found.api < _OLDEST_API:
            at = f" at {self.reach.shown}" if self.remote else ""
            raise EngineUnavailable(
                f"the container engine{at} is Docker {found.version}: too old", remedy="it must be 19.03 or later"
            )
        return found

    def containers(self, project: str) -> list[Container]:
        """All containers of a Compose project, running or not.

        Raises:
            EngineUnavailable
        """
        if (printed := local.containers(self._socket, project)) is not None:
            return parse_containers(printed)
        label = f"label=com.docker.compose.project={project}"
        for _ in range(_LOOKS):
            ids = self._docker(["ps", "--all", "--quiet", "--no-trunc", "--filter", label]).split()
            if not ids:
                return []
            done = self._inspect(ids)
            # Containers removed in between are missing from the answer, which is right; the code is not 0 then.
            if done.ok or json.loads(done.stdout or "[]"):
                return parse_containers(done.stdout)
        raise self.refusal(done.stderr)

    def these(self, containers: Sequence[Container]) -> list[Container]:
        """Those of these containers that are still there, as they are now; fewer also where the engine does not answer. To find
        new ones takes it far longer: it looks for the image of each that it lists, which those with containerd's image store
        do from scratch."""
        ids = [container.id for container in containers]
        if not ids:
            return []
        if (printed := local.inspected(self._socket, ids)) is not None:
            return parse_containers(printed)
        return parse_containers(self._inspect(ids).stdout)

    def _inspect(self, ids: Sequence[str]) -> process.Completed:
        return self._attempt(["inspect", "--type", "container", *ids])

    def resources(self, project: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The networks and the volumes of a Compose project, as the engine describes them."""
        if (found := local.resources(self._socket, project)) is not None:
            return found
        networks, volumes = (self._inspected(kind, project) for kind in ("network", "volume"))
        return networks, volumes

    def _inspected(self, kind: str, project: str) -> list[dict[str, Any]]:
        label = f"label=com.docker.compose.project={project}"
        names = self._docker([kind, "ls", "--quiet", "--filter", label]).split()
        return json.loads(self._attempt([kind, "inspect", *names]).stdout or "[]") if names else []

    def volumes(self, project: str, label: str) -> list[tuple[str, dict[str, str]]]:
        """Name and this label of the volumes of a Compose project that bear it.

        Raises:
            EngineUnavailable
        """
        if (found := local.volumes(self._socket, project, label)) is not None:
            return found
        printed = self._docker(
            ["volume", "ls", "--filter", f"label=com.docker.compose.project={project}", "--filter", f"label={label}",
             "--format", f'{{{{.Name}}}} {{{{.Label "{label}"}}}}']
        )  # fmt: skip
        return [(name, {label: value}) for name, _, value in (line.partition(" ") for line in printed.splitlines())]

    def unused_networks(self, project: str) -> dict[str, str]:
        """Networks of a Compose project that nothing is connected to: key in the Compose file → id."""
        label = "com.docker.compose.network"
        printed = self._docker(
            ["network", "ls", "--filter", f"label=com.docker.compose.project={project}", "--filter", "dangling=true",
             "--format", f'{{{{.ID}}}} {{{{.Label "{label}"}}}}']
        )  # fmt: skip
        return {key: id for id, _, key in (line.partition(" ") for line in printed.splitlines()) if key}

    def remove_networks(self, ids: Sequence[str]) -> None:
        """Remove networks; one that came into use again stays."""
        if ids:
            self._attempt(["network", "rm", *ids])

    def images(self, references: Sequence[str]) -> dict[str, Image]:
        """The images among `references` that are on the engine."""
        unique = sorted(set(references))
        if not unique:
            return {}
        if (found := local.images(self._socket, unique)) is not None:
            return {reference: _image(document) for reference, document in found.items()}
        together = self._attempt(["image", "inspect", *unique])
        if together.ok:
            return dict(zip(unique, map(_image, json.loads(together.stdout)), strict=True))
        with ThreadPoolExecutor(4) as pool:
            answers = pool.map(lambda reference: self._attempt(["image", "inspect", reference]), unique)
        return {
            reference: _image(json.loads(done.stdout)[0])
            for reference, done in zip(unique, answers, strict=True)
            if done.ok
        }

    def remove(self, ids: Sequence[str]) -> None:
        """Remove containers. Those that run are asked to end first, for as long as each was given to do so.

        Raises:
            EngineUnavailable: one of them is still there.
        """
        if not ids:
            return
        self._attempt(["stop", *ids])
        refused = self._rm(ids)
        if refused:
            raise self.refusal(refused)

    def _rm(self, ids: Sequence[str], *options: str) -> str:
        """Remove containers at once, and wait for those that somebody else removes already, such as a program of `remove_later`:
        the engine refuses them, and has them for a moment longer.

        Returns:
            Why one of them is still there, as the engine says it; "" when none is.
        """
        try:
            done = wait_for(
                lambda: self._attempt(["rm", "--force", *options, *ids]),
                lambda done: _UNDER_WAY not in done.stderr,
                seconds=_REMOVING,
                every=0.1,
            )
        except DeadlinePassed:
            return f"the engine is still removing {', '.join(id[:12] for id in ids)} after {_REMOVING:.0f} s"
        return "" if done.ok or not self._there(ids) else done.stderr

    def _there(self, ids: Sequence[str]) -> bool:
        """Whether one of these containers is still there."""
        each = [word for id in ids for word in ("--filter", f"id={id}")]
        return bool(self._docker(["ps", "--all", "--quiet", *each]).split())

    def remove_later(self, ids: Sequence[str], log: Path, *, after: float = 0.0) -> None:
        """Ask containers to end `after` some seconds, and remove them, without waiting for it: each has as long as it was given
        to end."""
        if ids:
            words = f'sleep {after:.0f}; docker stop "$@"; docker rm --force --volumes "$@"'
            self.detach(["sh", "-c", words, "sh", *ids], log=log)

    def unplug(self, containers: Iterable[Container]) -> None:
        """Take containers off their networks, so that the ports they publish are free at once."""
        for container in containers:
            for network, _ in container.addresses:
                self._attempt(["network", "disconnect", "--force", network, container.id])

    def discard(self, ids: Sequence[str]) -> None:
        """Remove containers that nobody uses, at once: what is made next may want their names. One that the engine cannot
        remove stays."""
        if ids:
            self._rm(ids, "--volumes")

    def tail(self, container: str, lines: int) -> list[str]:
        """The last lines a container wrote, standard output and error together."""
        said: list[str] = []
        self.stream(["docker", "logs", "--tail", str(lines), container], said.append)
        return said

    @property
    def _socket(self) -> str:
        return local.socket_of({**os.environ, **self.reach.environ}, current_context())

    def _docker(self, arguments: Sequence[str]) -> str:
        done = self._attempt(arguments)
        if not done.ok:
            raise self.refusal(done.stderr)
        return done.stdout

    def _attempt(self, arguments: Sequence[str]) -> process.Completed:
        try:
            return self.run(["docker", *arguments])
        except process.ProgramMissing as error:
            raise EngineUnavailable(
                "Docker is not installed", remedy="install Docker Desktop or Docker Engine, or put docker on PATH"
            ) from error


def _image(document: Mapping[str, Any]) -> Image:
    config = document.get("Config") or {}
    exposed = [key.partition("/") for key in config.get("ExposedPorts") or {}]
    ports = tuple(sorted(int(port) for port, _, kind in exposed if port.isdigit() and kind in ("", "tcp")))
    return Image(document["Id"], config.get("Healthcheck") or {}, ImageFacts(ports, tuple(config.get("Volumes") or ())))


USERS = Docker()
"""The engine that the user's own `docker` talks to."""

containers = USERS.containers
images = USERS.images
remove = USERS.remove
unused_networks = USERS.unused_networks
remove_networks = USERS.remove_networks
tail = USERS.tail
host = USERS.host

__all__ = ["USERS", "Docker", "Engine", "Image", "containers", "host", "images", "refusal", "remove", "remove_networks", "tail", "unused_networks"]  # fmt: skip
