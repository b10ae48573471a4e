"""Running `docker compose up` while watching what comes of it."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from windlass.compose.load import ComposeModel
from windlass.deploy.docker.containers import Container, worst
from windlass.deploy.docker.engine import Docker
from windlass.deploy.docker.watch import NOT_BEGUN, Verdict, Watch
from windlass.errors import DeploymentFailed
from windlass.model.events import Emit, ServiceFinished, ServiceProgress, ServiceStarted, StageName
from windlass.waiting import Clock, DeadlinePassed, wait_for

_T = TypeVar("_T")

_EVIDENCE_LINES = 30
_EVERY = 0.15
_POLITE_TRIES = 5

_ENDED_EARLY = re.compile(r"\b(context )?cancel+ed$")
"""What Compose says when it is told to stop: never the reason."""

WITHOUT_ORPHANS = {"COMPOSE_REMOVE_ORPHANS": "false", "COMPOSE_IGNORE_ORPHANS": "true"}
"""Compose sees a part of the model: what is not in it stays, whatever the user's own variables say."""

_NAME_TAKEN = "is already in use by"
_MAKING = 20.0
"""Seconds that the engine may take to make a container."""

_LATE = "not ready after"
_PORT_TAKEN = "stop what uses the port, or give this environment another one: ports or port_offset in windlass.yaml"

_ENDING = ("unhealthy", "restarting", "exited")
"""States in which a container that was there before says nothing about the release while Compose may still replace it."""


@dataclass(frozen=True, slots=True)
class Compose:
    """A model, ready for Compose. `environ` holds the variables that its secrets and configs are made
    from; `docker` is the engine."""

    project: str
    model: ComposeModel = field(repr=False)
    directory: Path
    environ: Mapping[str, str] = field(repr=False)
    docker: Docker = field(repr=False, compare=False)

    @property
    def document(self) -> str:
        return json.dumps(self.model)


def compose_command(project: str, directory: Path, *arguments: str) -> list[str]:
    """A Compose command on the model given on standard input: interpolated values never rest on disk."""
    return [
        "docker", "compose", "--progress", "plain", "--project-directory", str(directory), "-p", project, "-f", "-",
        *arguments,
    ]  # fmt: skip


def up_command(project: str, directory: Path) -> list[str]:
    return compose_command(project, directory, "up", "--detach", "--no-build", "--pull", "never")


def create_command(project: str, directory: Path) -> list[str]:
    """As `up_command`, but nothing starts."""
    return compose_command(project, directory, "up", "--no-start", "--no-build", "--pull", "never")


def until_named(up: Callable[[], _T], said: Callable[[_T], Sequence[str]], *, seconds: float | None = None) -> _T:
    """Run Compose again while it is refused a container's name: the engine still makes what somebody who was killed has asked
    it for, and shows it to nobody until it is made.

    Args:
        said: what Compose printed, of what `up` returned; nothing where it succeeded.
        seconds: after which the last refusal is it; as long as an engine may take, where it is not said.
    """
    try:
        return wait_for(
            up,
            lambda done: not any(_NAME_TAKEN in line for line in said(done)),
            seconds=_MAKING if seconds is None else seconds,
            every=0.3,
        )
    except DeadlinePassed as error:
        return cast(_T, error.last)


class _Run:
    """`docker compose up` in the background, so that it can be ended early: Compose itself waits for ever."""

    def __init__(self, compose: Compose, seconds: float) -> None:
        self._compose = compose
        # Shorter than a service may take, so that a name that somebody else has is told, and not that the service is late.
        self._making = min(_MAKING, seconds / 2)
        self._pid: int | None = None
        self._stopping = False
        self.lines: list[str] = []
        self.heard = 0  # lines, also of earlier tries
        self.code: int | None = None
        self.problem: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        return not self._thread.is_alive()

    def end(self) -> None:
        """Terminate it if it still runs, and wait for that."""
        self._stopping = True
        tries = 0
        while self._thread.is_alive():
            if self._pid is not None:
                tries += 1
                try:
                    os.killpg(self._pid, signal.SIGTERM if tries <= _POLITE_TRIES else signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    pass
            self._thread.join(1.0)

    def _work(self) -> None:
        try:
            self.code = until_named(
                self._up, lambda code: () if code == 0 or self._stopping else self.lines, seconds=self._making
            )
        except BaseException as error:  # handed to the watching thread
            self.problem = error

    def _up(self) -> int:
        compose = self._compose
        if self._stopping:
            return 1
        self._pid, self.lines = None, []
        # The shell tells its process id and becomes Compose: the only handle on a program that prints nothing while it waits.
        return compose.docker.stream(
            ["sh", "-c", 'echo "$$"; exec "$@"', "sh", *up_command(compose.project, compose.directory)],
            self._hear,
            env={**compose.environ, **WITHOUT_ORPHANS},
            input=compose.document,
            stop=lambda: self._stopping,
            with_us=True,
        )

    def _hear(self, line: str) -> None:
        self.heard += 1
        if self._pid is None:
            self._pid = int(line)
        else:
            self.lines.append(line)


def bring_up(
    compose: Compose,
    wanted: Mapping[str, str],
    changed: Sequence[str],
    *,
    seconds: float,
    clock: Clock,
    emit: Emit,
    stage: StageName,
    seen_running: Callable[[Sequence[Container]], None] = lambda there: None,
    counts: Callable[[Container], bool] = lambda container: True,
    there: Sequence[Container] | None = None,
) -> None:
    """Start what is not there, in dependency order, and wait until every service is well.

    Args:
        wanted: service → configuration hash.
        changed: services that are created or recreated.
        seconds: how long each service may take, from when its container begins.
        seen_running: is told at every look what is there, until all is well.
        counts: whether a container is one of the release; one that is about to go may have the same configuration.
        there: what is there before, where that was looked at already.

    Raises:
        DeploymentFailed: never ready, crash loop, exited; `evidence` has log and health output of each failed service.
    """
    began = clock.now()
    there = compose.docker.containers(compose.project) if there is None else there
    watch = Watch(wanted, changed, began, there)
    report = _Report(changed, began, emit, stage)
    before = frozenset(c.id for c in there if c.service in changed)
    run = _Run(compose, seconds)
    looking = _Looking(compose)

    def look() -> tuple[bool, list[Container], dict[str, Verdict]]:
        over = run.over  # asked first: what is seen afterwards is then final
        there = looking.look((over, run.heard))
        seen_running(there)
        there = [c for c in there if not c.edge and counts(c)]
        if not over:
            there = [c for c in there if not (c.id in before and c.state in _ENDING)]
        verdicts = watch.judge(there, clock.now())
        report.say(verdicts, clock.now())
        return over, there, verdicts

    def decided(seen: tuple[bool, list[Container], dict[str, Verdict]]) -> bool:
        over, _, verdicts = seen
        kinds = {verdict.kind for verdict in verdicts.values()}
        return "failed" in kinds or (over and (run.code != 0 or kinds <= {"well"}))

    late = False

    def settled(seen: tuple[bool, list[Container], dict[str, Verdict]]) -> bool:
        nonlocal late
        if decided(seen):
            return True
        late = watch.late(clock.now(), seconds)
        return late

    try:
        seen = wait_for(look, settled, seconds=math.inf, every=_EVERY, clock=clock)
    finally:
        run.end()
    if run.problem is not None:
        raise run.problem
    _, there, verdicts = seen
    failed = {service: verdict.message for service, verdict in verdicts.items() if verdict.kind == "failed"}
    if not failed and run.code == 0 and not late:
        return
    if not failed:
        waiting = {service: verdict.message for service, verdict in verdicts.items() if verdict.kind == "waiting"}
        # What has not begun waits for what has: that is to blame.
        begun = {service: message for service, message in waiting.items() if message != NOT_BEGUN} or waiting
        prefix = f"{_LATE} {seconds:g} s: " if late else ""
        failed = {service: prefix + message for service, message in begun.items()}
    report.fail(failed, clock.now())
    raise _failure(compose.docker, failed, there, wanted, () if late or run.code in (0, None) else run.lines)


class _Looking:
    """Looks at a project's containers, and for new ones only when Compose has said or done something since."""

    def __init__(self, compose: Compose) -> None:
        self._compose = compose
        self._known: list[Container] = []
        self._said: object = None

    def look(self, said: object) -> list[Container]:
        """Args: said: another value when there may be new ones."""
        docker = self._compose.docker
        there = docker.these(self._known) if said == self._said else []
        if not there or len(there) < len(self._known):  # one that does not show may have been replaced
            there, self._said = docker.containers(self._compose.project), said
        self._known = there
        return there


class _Report:
    """Tells each change of state once."""

    def __init__(self, changed: Sequence[str], began: float, emit: Emit, stage: StageName) -> None:
        self._last: dict[str, str] = {}
        self._done: set[str] = set()
        self._changed, self._began, self._emit, self._stage = changed, began, emit, stage
        for service in changed:
            emit(ServiceStarted(stage, service))

    def say(self, verdicts: Mapping[str, Verdict], now: float) -> None:
        for service in self._changed:
            verdict = verdicts.get(service)
            if verdict is None or service in self._done or self._last.get(service) == verdict.message:
                continue
            self._last[service] = verdict.message
            self._emit(ServiceProgress(self._stage, service, verdict.message))
            if verdict.kind == "well":
                self._done.add(service)
                self._emit(ServiceFinished(self._stage, service, "ok", now - self._began, verdict.message))

    def fail(self, failed: Mapping[str, str], now: float) -> None:
        for service, message in failed.items():
            self._emit(ServiceFinished(self._stage, service, "failed", now - self._began, message))


def _failure(
    docker: Docker,
    failed: Mapping[str, str],
    there: Sequence[Container],
    wanted: Mapping[str, str],
    said: Sequence[str],
) -> DeploymentFailed:
    at_hand = worst(c for c in there if c.config_hash == wanted.get(c.service))
    evidence = {service: _evidence(docker, message, at_hand.get(service)) for service, message in failed.items()}
    named = in_short(failed)
    refused = compose_refusal(said)
    if refused and "is unhealthy" not in refused and "didn't complete successfully" not in refused:
        named = refused
    return DeploymentFailed(
        named or "Docker Compose could not start the release",
        where=next(iter(failed)) if len(failed) == 1 and named == refused else None,
        remedy=_remedy(named),
        evidence=evidence,
        blames=not lacking(named),
    )


def in_short(failed: Mapping[str, str]) -> str:
    """What failed, in one sentence: services of which the same is said are named together."""
    by_message: dict[str, list[str]] = {}
    for service, message in failed.items():
        by_message.setdefault(message, []).append(service)
    return "; ".join(f"{', '.join(services)}: {message}" for message, services in by_message.items())


def compose_refusal(lines: Sequence[str]) -> str:
    """The reason Compose gave for ending, without its prefixes; "" when it gave none."""
    last = next((line.strip() for line in reversed(lines) if line.strip() and not _ENDED_EARLY.search(line)), "")
    if last.startswith(("Container ", "Network ", "Volume ")):
        return ""
    return last.removeprefix("Error response from daemon: ")


_LACKING = {
    "port is already allocated": _PORT_TAKEN,
    "address already in use": _PORT_TAKEN,
    "address pool": "remove networks that nothing uses (docker network prune), or give the engine more default-address-pools",
    _NAME_TAKEN: "docker inspect shows what has the name, by its id in the message: remove it, or rename it",
    "no space left on device": "make room on the engine's host: docker system df shows what takes it",
}
"""What an engine says when it has no room for a release that may be well, and what to do then."""


def lacking(message: str) -> str:
    """What to do where the engine has no room for a release that may be well; "" where it says something else."""
    return next((remedy for said, remedy in _LACKING.items() if said in message), "")


def _remedy(message: str) -> str:
    if remedy := lacking(message):
        return remedy
    if _LATE in message:
        return "look at the log lines shown; where services only need longer, raise ready_timeout in windlass.yaml"
    return "look at the log lines shown, and mend the service"


def _evidence(docker: Docker, message: str, container: Container | None) -> tuple[str, ...]:
    if container is None:
        return (message,)
    lines = [message]
    if container.status != "running":
        lines.append(f"exit code: {container.exit_code}")
    if container.error:
        lines.append(f"engine: {container.error}")
    if container.health_output:
        lines += ["last health check:", *(f"  {line}" for line in container.health_output.strip().splitlines()[-5:])]
    log = docker.tail(container.id, _EVIDENCE_LINES)
    return (*lines, f"last {len(log)} log lines:" if log else "it wrote no log", *(f"  {line}" for line in log))
