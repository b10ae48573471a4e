"""Two deployers from separate clones that start together; what came of it is read from the engine's own events."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.engine.deploy.delivering import Subject


@dataclass(frozen=True)
class Ended:
    """A deployer's exit code, and what it printed; when its deployment was recorded (or else when it ended itself), seconds of
    the monotonic clock."""

    code: int
    document: dict[str, Any]
    done: float

    @property
    def digests(self) -> set[str]:
        return {service["digest"] for service in self.document.get("services") or ()}


@dataclass(frozen=True)
class Race:
    codes: tuple[int, ...]
    seconds: float
    wrong: tuple[str, ...]


def judge(
    ended: Sequence[Ended], created: Sequence[tuple[float, str]], served: str, versions: Sequence[str]
) -> list[str]:
    """What is not as it should be, one sentence each.

    Args:
        created: when the engine created a container (seconds of the monotonic clock), and of which image.
        served: what users get in the end; `versions` is what each deployer brings.
    """
    codes = sorted(one.code for one in ended)
    wrong = [] if codes in ([0, 6], [0, 0]) else [f"they ended with {codes}: {[one.document for one in ended]}"[:600]]
    winners = [one for one in ended if one.code == 0]
    known = set().union(*(one.digests for one in winners)) if winners else set()
    strange = {image for _, image in created if "@" in image and image.partition("@")[2] not in known}
    wrong += [f"a container of {image} was created, which nobody deployed" for image in sorted(strange)]
    if len(winners) == 2:
        spans = []
        for one, other in (winners, winners[::-1]):
            own = one.digests - other.digests
            mine = [at for at, image in created if image.partition("@")[2] in own]
            spans += [(min(mine), one.done)] if mine else []
        spans.sort()
        if len(spans) == 2 and spans[1][0] < spans[0][1] - 1.0:  # when it ended was heard by a thread of its own
            wrong.append(
                f"both deployed at once: the second began {spans[0][1] - spans[1][0]:.1f} s before the first ended"
            )
    last = max(winners, key=lambda one: one.done, default=None)
    if last is not None and served != f"web {versions[ended.index(last)]}":
        wrong.append(f"users get {served!r}")
    return wrong


class Racing:
    """Rounds on one environment, whose history is on a bare remote."""

    def __init__(self, folder: Path, project: str) -> None:
        self.subject = Subject.create(folder, project)
        self.subject.shared()
        self._clones = (self.subject.clone("one"), self.subject.clone("two"))
        self._number = 0

    def prepare(self) -> None:
        self.subject.run()

    def race(self) -> Race:
        self._number += 1
        began = time.monotonic()
        versions = [f"{clone.checkout}{self._number}" for clone in self._clones]
        for clone, version in zip(self._clones, versions, strict=True):
            clone.change(version)
        found: dict[int, Ended] = {}
        together = threading.Barrier(len(self._clones))

        def run(number: int, clone: Subject) -> None:
            together.wait()
            followed = clone.follow("run")
            ended, ran = time.monotonic(), followed.ran
            try:
                document = json.loads(ran.out)
            except ValueError:
                document = {"said": ran.out + ran.err}
            # Whoever comes next may begin then; tags and caches are seen to afterwards.
            found[number] = Ended(ran.code, document, followed.when("record", "stage_finished") or ended)

        threads = [threading.Thread(target=run, args=pair) for pair in enumerate(self._clones)]
        with self._created() as created:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        ended = [found[number] for number in range(len(threads))]
        with urllib.request.urlopen(f"http://127.0.0.1:{self.subject.ports['web']}/", timeout=10) as answer:
            served = answer.read().decode().strip()
        wrong = judge(ended, created, served, versions)
        return Race(tuple(one.code for one in ended), time.monotonic() - began, tuple(wrong))

    @contextmanager
    def _created(self) -> Iterator[list[tuple[float, str]]]:
        """When the engine created a container of the environment, and of which image: filled when the block is left. They are
        heard as they come, for the engine remembers no more than its last few hundred events, health checks among them."""
        heard: list[tuple[float, str]] = []
        label = f"label=com.docker.compose.project={self.subject.compose_project}"
        what = ["--filter", label, "--filter", "event=create", "--format", "{{.TimeNano}} {{.Actor.Attributes.image}}"]
        since = time.time() - time.monotonic()
        with subprocess.Popen(
            ["docker", "events", "--since", f"{time.time():.3f}", *what], stdout=subprocess.PIPE, text=True
        ) as events:
            try:
                yield heard
            finally:
                events.terminate()
                told, _ = events.communicate()
        heard += [(int(at) / 1e9 - since, image) for at, image in (line.split(" ", 1) for line in told.splitlines())]
