"""Deployers that are killed at work, and what the next run makes of it."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.engine.deploy.delivering import Followed, Subject, users
from tests.engine.deploy.fused import POINTS
from windlass.waiting import DeadlinePassed, wait_for

_ONLY_BAD = ("restoring", "restored")  # points that only a release that fails passes


@dataclass(frozen=True)
class Case:
    """`what` is killed (run, rollback or bad: a run that fails), at a `point`, or `after` a share of the time it takes."""

    what: str
    point: str = ""
    after: float = 0.0

    def __str__(self) -> str:
        return f"{self.what} {self.point or f'after {self.after:.0%}'}"


@dataclass(frozen=True)
class Outcome:
    """`hit`: it was killed before it had ended. `wrong` says what was not as it should be, one sentence each."""

    case: Case
    hit: bool
    requests: int
    failed: tuple[str, ...]
    seconds: float
    wrong: tuple[str, ...]


def cases(rounds: int, seed: int) -> list[Case]:
    """Half of them at fixed points, all of these in turn, half at random; runs and rollbacks."""
    random_ones = random.Random(seed)
    fixed = [Case("bad" if point in _ONLY_BAD else "run", point) for point in POINTS]
    fixed += [Case("rollback", point) for point in POINTS if point not in _ONLY_BAD]
    random_ones.shuffle(fixed)
    made = []
    for number in range(rounds):
        if number % 2 == 0:
            made.append(fixed[number // 2 % len(fixed)])
        else:
            made.append(Case(random_ones.choice(("run", "run", "rollback", "bad")), after=random_ones.uniform(0.05, 1)))
    return made


class Killing:
    """Rounds on one environment that is up and healthy."""

    def __init__(self, subject: Subject, *, rate: float = 40) -> None:
        self.subject = subject
        self._rate = rate
        self._version = 0
        self._took = {"run": 12.0, "rollback": 8.0, "bad": 14.0}

    def prepare(self) -> None:
        """Two healthy releases, so that there is one to go back to."""
        for _ in range(2):
            self._next()
            began = time.monotonic()
            self.subject.run()
            self._took["run"] = self._took["bad"] = time.monotonic() - began

    def round(self, case: Case) -> Outcome:
        one, began = self.subject, time.monotonic()
        version = self._next("api" if case.what == "bad" else "")
        with users(one.ports["web"], self._rate, 5.0) as load:
            load.go("all")
            hit = self._kill(case)
            if case.what == "bad":  # nobody deploys it again: the next commit is good
                version = self._next()
            followed = one.follow("run")
            time.sleep(0.5)
            load.rest()
            window = load.end()["all"]
        wrong = list(self._judge(followed, version))
        wrong += [f"{len(window.failures)} of {window.requests} requests failed"] if window.failures else []
        wrong += [f"users reached {said}" for said in window.versions if "bad" in said]
        failed = tuple(f"{at:.1f} s: {what}" for at, what in window.failures)
        return Outcome(case, hit, window.requests, failed, time.monotonic() - began, tuple(wrong))

    def _next(self, mode: str = "") -> str:
        self._version += 1
        version = f"{'bad' if mode else 'v'}{self._version}"
        self.subject.change(version, mode=mode)
        return version

    def _kill(self, case: Case) -> bool:
        words = ("rollback", "production") if case.what == "rollback" else ("run",)
        began = time.monotonic()
        process = self.subject.start(*words, "--json", "--progress", "quiet", fuse=case.point)
        drain = threading.Thread(target=process.communicate)
        drain.start()
        if not case.point:
            drain.join(case.after * self._took[case.what])
            if process.poll() is None:
                process.kill()
        drain.join()
        hit = process.returncode == -signal.SIGKILL
        if not hit:  # what was thought to be in the middle was after the end
            self._took[case.what] = min(self._took[case.what], time.monotonic() - began)
        return hit

    def _judge(self, followed: Followed, version: str) -> Iterator[str]:
        one = self.subject
        if followed.ran.code != 0:
            yield f"the next run ended with {followed.ran.code}: {followed.ran.out[-600:]}{followed.ran.err[-300:]}"
            return
        page = urllib.request.urlopen(f"http://127.0.0.1:{one.ports['web']}/", timeout=10).read().decode()
        if page != f"web {version}\n":
            yield f"web serves {page!r} and not {version}"
        try:
            wait_for(lambda: list(self._left_over()), lambda found: not found, seconds=60, every=1)
        except DeadlinePassed as error:
            yield from error.last  # type: ignore[misc]

    def _left_over(self) -> Iterator[str]:
        """What an environment at rest does not have: containers that neither serve nor keep the way back warm, several of
        one kind, networks that nobody needs, programs that still run."""
        one = self.subject
        board = one.board()
        stray = [c for c in board.idle if c.id not in board.drained and c.id not in board.leaving]
        for container in stray:
            yield f"container {container.name} never served ({container.state})"
        staying = [c for c in board.services if c.id not in board.leaving]
        warm = Counter(c.service for c in staying if c.id in board.drained)
        yield from (f"{count} warm containers of {name}" for name, count in warm.items() if count > 1)
        for name in ("web", "api"):
            if len(board.serving(name)) != 1:
                yield f"{len(board.serving(name))} containers serve {name}"
        for container in staying:
            if container.status != "running":
                yield f"container {container.name} is {container.status}"
        label = f"label=com.docker.compose.project={one.compose_project}"
        networks = _lines("docker", "network", "ls", "--filter", label, "--format", "{{.Name}}")
        if networks != [f"{one.compose_project}_default"]:
            yield f"networks {', '.join(networks)}"
        programs = _lines("ps", "-eo", "args")
        yield from (f"still runs: {line[:100]}" for line in programs if f"-p {one.compose_project} " in line)


def _lines(*argv: str) -> list[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()


def trial(folder: Path, project: str) -> tuple[Subject, Killing]:
    subject = Subject.create(folder, project)
    return subject, Killing(subject)
