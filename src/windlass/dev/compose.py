"""Docker Compose for a developer's machine: commands, and starting with a verdict."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from windlass import process
from windlass.compose.load import ComposeModel
from windlass.compose.program import direct
from windlass.deploy.docker import engine
from windlass.deploy.docker.containers import Container, worst
from windlass.errors import DeploymentFailed, EngineUnavailable
from windlass.waiting import Clock, DeadlinePassed, wait_for

_EVIDENCE_LINES = 30
_UNWELL = ("unhealthy", "exited", "restarting")
_TAKEN = re.compile(r":(\d+)(?: failed: port is already allocated|: bind: address already in use)")
_SURE_AFTER = 2.0
"""Seconds a container without a health check must have run: one that ends at once is not started."""


def up_command(project: str, directory: Path, *, remove_others: bool) -> list[str]:
    """Start what the model on standard input says. Images are there already."""
    command = [
        "docker", "compose", "--progress", "plain", "--project-directory", str(directory), "-p", project, "-f", "-",
        "up", "--detach", "--no-build",
    ]  # fmt: skip
    return [*command, "--remove-orphans"] if remove_others else command


def project_command(project: str, *arguments: str) -> list[str]:
    """A Compose command on containers that are there, found by their labels."""
    return ["docker", "compose", "--progress", "plain", "-p", project, *arguments]


def up(
    model: ComposeModel, project: str, directory: Path, *, seconds: float, clock: Clock, say: Callable[[str], None]
) -> list[Container]:
    """Start the model's services and wait until all are well; the containers.

    Args:
        say: one short line whenever what is waited for changes.
        seconds: the deadline for all to be well.

    Raises:
        DeploymentFailed: Compose refuses, or a service is not well in time; `evidence` has what it said last.
    """
    said: list[str] = []
    before = frozenset(c.id for c in engine.containers(project) if c.status == "running")
    code = process.stream(
        direct(up_command(project, directory, remove_others=False)),
        said.append,
        env={"COMPOSE_IGNORE_ORPHANS": "true", "COMPOSE_REMOVE_ORPHANS": "false"},
        input=json.dumps(model),
    )
    wanted = list(model["services"])
    if code != 0:
        there = [c for c in engine.containers(project) if c.service in wanted]
        raise _failed([c for c in there if c.state in _UNWELL], _reason(said))
    new = frozenset(c.id for c in engine.containers(project)) - before
    return settle(project, wanted, new, seconds=seconds, clock=clock, say=say)


def settle(
    project: str,
    wanted: Sequence[str],
    new: frozenset[str],
    *,
    seconds: float,
    clock: Clock,
    say: Callable[[str], None],
) -> list[Container]:
    """Wait until services are well; their containers.

    Args:
        new: ids of containers that have just been started. Raises and other arguments as `up`.
    """
    began, told = clock.now(), ""

    def look() -> _Look:
        nonlocal told
        seen = _Look(wanted, [c for c in engine.containers(project) if c.service in wanted], new)
        if (waiting := ", ".join(seen.waiting)) and waiting != told:
            told = waiting
            say(f"waiting for {told}")
        return seen

    def decided(seen: _Look) -> bool:
        sure = not seen.unchecked or clock.now() - began >= _SURE_AFTER
        return bool(seen.unwell) or (not seen.waiting and sure)

    try:
        seen = wait_for(look, decided, seconds=seconds, every=0.25, clock=clock)
    except DeadlinePassed:
        there = [c for c in engine.containers(project) if c.service in wanted and c.state == "starting"]
        raise _failed(there, f"not ready within {seconds:g} s") from None
    if seen.unwell:
        raise _failed(seen.unwell, None)
    return seen.containers


class _Look:
    """The containers at one moment, judged: one a service, the worst where it has several."""

    def __init__(self, wanted: Sequence[str], containers: list[Container], new: frozenset[str]) -> None:
        state = worst(containers)
        self.containers = containers
        self.unwell = [c for c in state.values() if c.state in _UNWELL]
        self.waiting = sorted(name for name in wanted if name not in state or state[name].state == "starting")
        self.unchecked = any(c.state == "running" and c.id in new for c in state.values())


def _failed(containers: Sequence[Container], reason: str | None) -> DeploymentFailed:
    evidence = {c.service: tuple(engine.tail(c.id, _EVIDENCE_LINES)) for c in containers}
    ports = [(c, port) for c in containers if (port := taken_port(c.detail or "")) is not None]
    held = [f"{c.service} cannot have port {port}: {_holder(port)}" for c, port in ports]
    blocked = {c.service for c, _ in ports}
    told = [
        f"{c.service} is {c.state}" + (f" ({c.detail})" if c.detail else "")
        for c in containers
        if c.service not in blocked
    ]
    return DeploymentFailed(
        "; ".join([*held, *told]) or reason or "it did not start",
        where=", ".join(sorted({c.service for c in containers})) or "docker compose up",
        remedy="stop what has the port, or publish another one" if held else "windlass dev logs shows more",
        evidence={service: lines for service, lines in evidence.items() if lines},
    )


def taken_port(said: str) -> int | None:
    """The port that somebody else has, from what the engine says of a container that it could not start. Pure."""
    found = _TAKEN.search(said)
    return int(found[1]) if found else None


def _holder(port: int) -> str:
    named = process.run(["docker", "ps", "--filter", f"publish={port}", "--format", "{{.Names}}"]).stdout.split()
    return f"the container {named[0]} has it" if named else "another program has it"


def _reason(said: Sequence[str]) -> str:
    lines = [line for line in said if line.strip()]
    return lines[-1].removeprefix("Error response from daemon: ") if lines else "docker compose gave no reason"


def act(project: str, *arguments: str) -> None:
    """Run `docker compose -p PROJECT …` to its end.

    Raises:
        EngineUnavailable: it failed; says how.
    """
    done = process.run(direct(project_command(project, *arguments)))
    if not done.ok:
        raise (
            engine.refusal(done.stderr)
            if "daemon" in done.stderr
            else EngineUnavailable(_reason(done.stderr.splitlines()))
        )
