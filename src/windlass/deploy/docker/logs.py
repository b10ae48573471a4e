"""Logs of an environment's containers, together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.engine import Docker
from windlass.deploy.interface import LogLine

_PREFIX = re.compile(r"^(?P<service>\S+?)(?:-\d+)?\s*\| ?(?P<text>.*)$")

_CLEAR_LINE = "\x1b[2K"


def recent(containers: Sequence[Container], tail: int, on_line: Callable[[LogLine], None], docker: Docker) -> None:
    """The last `tail` lines of each container, oldest first."""
    stamped: list[tuple[str, LogLine]] = []
    for container in containers:
        said: list[str] = []
        docker.stream(["docker", "logs", "--timestamps", "--tail", str(tail), container.id], said.append)
        stamped += parse_stamped(container.service, said)
    for _, line in sorted(stamped, key=lambda pair: pair[0]):
        on_line(line)


def parse_stamped(service: str, lines: Iterable[str]) -> list[tuple[str, LogLine]]:
    """(time stamp, line) pairs of `docker logs --timestamps`; a line without a stamp belongs to the one before."""
    found: list[tuple[str, LogLine]] = []
    for line in lines:
        stamp, _, text = line.partition(" ")
        if not re.match(r"^\d{4}-\d\d-\d\dT", stamp):
            stamp, text = (found[-1][0] if found else ""), line
        found.append((stamp, LogLine(service, text)))
    return found


def follow_command(project: str, services: Sequence[str], tail: int) -> list[str]:
    command = [
        "docker",
        "compose",
        "--ansi",
        "never",
        "-p",
        project,
        "logs",
        "--follow",
        "--no-color",
        "--tail",
        str(tail),
    ]
    return [*command, *services]


def parse_followed(line: str) -> LogLine | None:
    """A line of `docker compose logs`: `service-1  | text`. Compose clears the terminal's line first, also without one."""
    match = _PREFIX.match(line.removeprefix(_CLEAR_LINE))
    return LogLine(match["service"], match["text"]) if match else None
