"""What the services do right now: their state with CPU and memory, looked at again and again."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from types import TracebackType

from windlass import process
from windlass.deploy.docker import engine
from windlass.dev.seen import seen
from windlass.dev.stats import Usage, parse_line, stats_command
from windlass.dev.workbench import Workbench
from windlass.model.observation import ServiceState


@dataclass(frozen=True, slots=True)
class Seen:
    """One container: its state, what it uses (None for one that does not run, or is not measured yet), the engine's own word
    for its state, and what its health check says, "" without one."""

    state: ServiceState
    usage: Usage | None
    status: str = ""
    health: str = ""


class Monitor:
    """Looks at one project's containers. With `follow`, usage is measured in the background all the time: the engine takes
    two seconds for a figure of its own."""

    def __init__(self, bench: Workbench, *, follow: bool) -> None:
        self._bench = bench
        self._follow = follow
        self._usage: dict[str, Usage] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._measure, daemon=True)

    def __enter__(self) -> Monitor:
        if self._follow:
            self._thread.start()
        else:
            self._measure()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()

    def look(self) -> list[Seen]:
        """One entry a container, in the order of the Compose files.

        Raises:
            EngineUnavailable
        """
        order = {name: number for number, name in enumerate(self._bench.model.get("services") or {})}
        containers = engine.containers(self._bench.compose_project)
        containers.sort(key=lambda c: (order.get(c.service, len(order)), c.name))
        return [
            Seen(
                seen(container, engine.host()),
                self._usage.get(container.id) if container.status == "running" else None,
                container.status,
                container.health if container.status == "running" else "",
            )
            for container in containers
        ]

    def _measure(self) -> None:
        process.stream(stats_command(follow=self._follow), self._hear, stop=self._over.is_set)

    def _hear(self, line: str) -> None:
        if (measured := parse_line(line)) is not None:
            self._usage[measured[0]] = measured[1]
