"""Rehearsing the cases one after the other on a copy."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from windlass import process
from windlass.deploy.docker.edge.board import Board
from windlass.deploy.docker.edge.edges import Edges
from windlass.drill import cases, spoil
from windlass.drill.cases import Case, Report, Seen, judge, noticed
from windlass.drill.deployer import Ended, Order, deploy, order
from windlass.drill.twin import Twin
from windlass.drill.users import User
from windlass.errors import DeploymentFailed, ExitCode
from windlass.model.events import Event, StageFinished, StageStarted
from windlass.model.observation import Endpoint
from windlass.model.release import Release
from windlass.waiting import DeadlinePassed, wait_for

_NOWHERE = {"image": "drill.invalid/no-such-image", "digest": "sha256:" + "0" * 64}
"""A host that cannot be (RFC 6761, section 6.4). The project's own registry is asked for its images before anything begins,
and a release that lacks one is refused; a pull that fails is another thing."""
_TIDY = 30.0


def rehearse(twin: Twin, chosen: Sequence[Case], tell: Callable[[str], None]) -> tuple[Report, ...]:
    """Bring the copy up, and try each case.

    Args:
        tell: is told in a few words what is being done.

    Raises:
        DeploymentFailed: the copy itself does not become healthy: nothing can be rehearsed.
    """
    tell("bringing the copy up")
    ended = deploy(twin, twin.release)
    if ended.code:
        raise DeploymentFailed(
            f"the copy did not become healthy: {ended.said}",
            where=twin.environment.name,
            remedy="the real environment was not touched; a drill begins with a release that works",
        )
    stage = _Stage(twin)
    reports = []
    for case in chosen:
        tell(case.title)
        reports.append(stage.play(case))
    return tuple(reports)


class _Stage:
    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._service = twin.check.service
        self._number = 0
        self._way_back: list[float] = []  # when a restore began and ended, monotonic seconds
        self._networks = frozenset(self._networks_now())  # every release of a drill has the same

    def play(self, case: Case) -> Report:
        acts: dict[str, Callable[[], Ended]] = {
            "never-ready": lambda: self._bring(spoil.never_ready),
            "crash-loop": lambda: self._bring(spoil.crash_loop),
            "failing-check": lambda: self._bring(spoil.harmless, passes=False),
            "after-switch": self._die_after_switch,
            "no-image": self._without_image,
            "killed": self._killed,
            "held": self._held,
            "pruned": self._pruned,
            "full-disk": self._full_disk,
        }
        if case.name == "pruned":
            if reason := self._not_prunable():
                return Report(case, skipped=reason)
            self._prepare_pruned()
        before, began = self._serving(), time.monotonic()
        with User(self._twin.check, self._where) as user:
            wait_for(lambda: user.probes, bool, seconds=10)
            self._way_back.clear()
            ended = acts[case.name]()
            done = len(user.probes)
            wait_for(lambda: len(user.probes), lambda count: count > done + 10, seconds=30)
        after = self._serving()
        same = cases.RESTORED if after == before else cases.DONE
        failed = sum(not answered for _, _, answered in user.probes)
        return judge(
            case,
            Seen(
                ended.code,
                " ".join(ended.said.split()),
                same if after else cases.NOTHING,
                noticed(user.probes),
                len(user.probes),
                failed,
                time.monotonic() - began,
                self._way_back[1] - self._way_back[0] if len(self._way_back) == 2 else None,
                cases.until(user.probes, self._way_back[0] if self._way_back else None),
                tuple(self._stray()),
            ),
            patience=self._twin.environment.verify_timeout,
        )

    # -- acts -------------------------------------------------------------------------------------------------------

    def _next(self, make: Callable[[str, int], str] = spoil.harmless, *, passes: bool = True) -> Release:
        self._number += 1
        id = f"{self._twin.environment.name}-{self._number}"
        return self._twin.changed(id, compose=make(self._service, self._number), passes=passes)

    def _bring(self, make: Callable[[str, int], str], *, passes: bool = True) -> Ended:
        return deploy(self._twin, self._next(make, passes=passes), emit=self._hear)

    def _hear(self, event: Event) -> None:
        if isinstance(event, (StageStarted, StageFinished)) and event.stage == "restore":
            self._way_back.append(time.monotonic())

    def _without_image(self) -> Ended:
        release = self._next()
        return deploy(self._twin, _with_service(release, self._service, **_NOWHERE), emit=self._hear)

    def _die_after_switch(self) -> Ended:
        before = self._serving()

        def hear(event: Event) -> None:
            self._hear(event)
            if isinstance(event, StageStarted) and event.stage == "verify" and (now := self._serving()) != before:
                self._twin.docker.run(["docker", "kill", *now])

        return deploy(self._twin, self._next(), emit=hear)

    def _killed(self) -> Ended:
        release = self._next()
        pid = 0

        def hear(line: str) -> None:
            nonlocal pid
            word, _, rest = line.partition(" ")
            if word == "pid":
                pid = int(rest)
            elif line == "at deploy":
                os.kill(pid, signal.SIGKILL)

        code = process.stream(order(Order(self._twin, release), self._twin.home.parent), hear)
        if code != -signal.SIGKILL:
            return Ended(ExitCode.UNEXPECTED, "the deployer had ended before it could be killed")
        return _after("killed", deploy(self._twin, release))

    def _held(self) -> Ended:
        state, release = self._twin.tools.state, self._next()
        admitted = state.admit(release, "deploy", None)
        try:
            return deploy(self._twin, self._next())
        finally:
            running = state.records(self._twin.environment.name)[1].running
            state.settle(admitted, "interrupted", running=running, reason="it only held the environment", evidence=None)

    def _full_disk(self) -> Ended:
        release = self._next()
        said: dict[str, str] = {"last": "it ended without a word"}

        def hear(line: str) -> None:
            word, _, rest = line.partition(" ")
            said[word] = rest
            said["last"] = line

        before = self._serving()
        process.stream(order(Order(self._twin, release, "full-disk"), self._twin.home.parent), hear)
        if said.get("code") == str(ExitCode.DONE):
            return Ended(ExitCode.UNEXPECTED, "the deployer did not notice that it could write nothing")
        if self._serving() != before:
            return Ended(
                ExitCode.UNEXPECTED, f"the release before did not go on serving: {said.get('said', said['last'])}"
            )
        return _after(said.get("said", said["last"]), deploy(self._twin, release))

    def _not_prunable(self) -> str:
        if not self._twin.aliases:
            return "only images of the embedded registry can be removed here under a name of the drill's own"
        return ""

    def _prepare_pruned(self) -> None:
        """A release before the one that runs, its image under a name that nobody else uses: removing it is no loss."""
        self._pruned_release = _with_service(self._next(), self._service, image=self._twin.aliases[0].partition("@")[0])
        for release in (self._pruned_release, self._next()):
            ended = deploy(self._twin, release)
            if ended.code:
                raise DeploymentFailed(f"a harmless change did not become healthy: {ended.said}")

    def _pruned(self) -> Ended:
        (alias,) = self._twin.aliases
        removed = self._twin.docker.run(["docker", "image", "rm", alias])
        if not removed.ok or self._twin.docker.images([alias]):
            return Ended(ExitCode.UNEXPECTED, f"the image could not be removed: {' '.join(removed.stderr.split())}")
        return deploy(self._twin, self._pruned_release, kind="rollback")

    # -- looking ------------------------------------------------------------------------------------------------------

    def _where(self) -> Endpoint | None:
        return self._twin.target.endpoint(self._service, self._twin.check.port)

    def _serving(self) -> list[str]:
        return sorted(container.id for container in self._board().serving(self._service))

    def _networks_now(self) -> list[str]:
        return [str(one.get("Name")) for one in self._twin.docker.resources(self._twin.name)[0]]

    def _board(self) -> Board:
        name = self._twin.name
        docker = self._twin.docker
        edges = Edges(self._twin.home / "environments" / name / "edge.json", docker)
        return edges.board(docker.containers(name), ask=True)

    def _stray(self) -> list[str]:
        """Containers that no request ever reached, and networks of no release; they may need a moment to go."""

        def look() -> list[str]:
            return strays(self._board(), self._networks_now(), self._networks)

        try:
            return wait_for(look, lambda found: not found, seconds=_TIDY, every=0.5)
        except DeadlinePassed as error:
            return [str(one) for one in error.last] if isinstance(error.last, list) else []


def strays(board: Board, networks: Iterable[str], known: Collection[str]) -> list[str]:
    """What should not be there: containers that neither serve nor are about to go, and networks beside the known ones. Pure."""
    left = [c for c in board.idle if c.id not in board.drained and c.id not in board.leaving]
    return [
        *(f"container {c.name} ({c.state})" for c in left),
        *(f"network {name}" for name in sorted(networks) if name not in known),
    ]


def _after(first: str, then: Ended) -> Ended:
    return Ended(then.code, f"{first}; then {then.said}")


def _with_service(release: Release, name: str, **values: str) -> Release:
    return replace(
        release,
        services=tuple(replace(one, **values) if one.name == name else one for one in release.services),  # type: ignore[arg-type]
    )
