"""What the services say, together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from windlass import process
from windlass.deploy.docker import engine
from windlass.deploy.docker.logs import parse_followed, recent
from windlass.deploy.interface import LogLine
from windlass.dev.compose import project_command


def listen(
    compose_project: str, names: Sequence[str], *, tail: int, follow: bool, on_line: Callable[[LogLine], None]
) -> None:
    """Give the last `tail` lines of each service, oldest first; with `follow`, go on until interrupted.

    Args:
        names: services; every one when empty.

    Raises:
        EngineUnavailable
    """
    if not follow:
        there = [c for c in engine.containers(compose_project) if not names or c.service in names]
        recent(there, tail, on_line, engine.USERS)
        return

    def hear(line: str) -> None:
        if (parsed := parse_followed(line)) is not None:
            on_line(parsed)

    process.stream(follow_command(compose_project, names, tail), hear)


def follow_command(compose_project: str, names: Sequence[str], tail: int) -> list[str]:
    return [*project_command(compose_project), "logs", "--follow", "--no-color", "--tail", str(tail), *names]
