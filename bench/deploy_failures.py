# ruff: noqa: T201
"""Releases that are bad in five ways, under load: how many requests reached them, and how soon the good one was back."""

from __future__ import annotations

import subprocess
import threading
import time
import uuid
from dataclasses import dataclass, field

from tests.engine.deploy.delivering import Subject, users
from tests.engine.deploy.load import Window

from bench.goals import Goals

BEFORE = {
    "unready": "never ready",
    "crash": "crash loop",
    "api": "failing API check",
    "image": "image that cannot be pulled",
}
AFTER = {"errors": "errors after the switch"}
GOAL = 5.0


@dataclass
class Listener:
    """Counts, in the logs of all containers of a project as they are written, the lines that say "served VERSION"."""

    project: str
    lines: list[str] = field(default_factory=list)
    _children: list[subprocess.Popen[str]] = field(default_factory=list)

    def __enter__(self) -> Listener:
        label = f"label=com.docker.compose.project={self.project}"
        argv = ["docker", "events", "--filter", label, "--filter", "event=start", "--format", "{{.ID}}"]
        threading.Thread(target=self._follow, args=(argv, self._begin), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.wait()

    def served(self, version: str) -> int:
        return sum(line.startswith(f"served {version} ") for line in self.lines)

    def _begin(self, container: str) -> None:
        argv = ["docker", "logs", "--follow", container]
        threading.Thread(target=self._follow, args=(argv, self.lines.append), daemon=True).start()

    def _follow(self, argv: list[str], hear: object) -> None:
        assert callable(hear)
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._children.append(child)
        assert child.stdout is not None
        for line in child.stdout:
            hear(line.strip())


@dataclass(frozen=True)
class Went:
    """`reached` by the service's own log; `restored` seconds from verdict to the record that the good release serves."""

    how: str
    code: int
    outcome: str
    reached: int
    window: Window
    restored: float | None

    def line(self) -> str:
        back = "-" if self.restored is None else f"{self.restored:.1f} s"
        failed = len(self.window.failures)
        return f"{self.how:30}{self.code:5}  {self.outcome:10}{self.reached:9}{failed:8}{self.window.requests:10}{back:>10}"


def failures(subject: Subject, goals: Goals) -> int:
    """Print a table; 1 when a bad release was reached before its switch, or the good one did not come back."""
    print(f"{'bad release':30}{'exit':>5}  {'outcome':10}{'reached':>9}{'failed':>8}{'requests':>10}{'back in':>10}")
    code = 0
    for mode, how in {**BEFORE, **AFTER}.items():
        went = _try(subject, mode, how)
        print(went.line() + goals.met(how, went.restored is None or went.restored <= GOAL), flush=True)
        wrong = went.code != 4 or went.outcome != "restored" or (mode in BEFORE and went.reached + _bad(went) > 0)
        code = 1 if wrong else code
    print(f"reached: requests in the bad release's own log; back in: from verdict to restored (goal {GOAL:g} s)")
    subject.change("good")
    subject.run()
    return code


def _bad(went: Went) -> int:
    return sum(count for said, count in went.window.versions.items() if "bad" in said) + len(went.window.failures)


def _try(subject: Subject, mode: str, how: str) -> Went:
    version = f"bad-{mode}-{uuid.uuid4().hex[:6]}"
    with Listener(subject.compose_project) as heard, users(subject.ports["web"], 220, 5.0) as load:
        load.go(mode)
        compose = (subject.root / "compose.yml").read_text()
        if mode == "image":
            nowhere = f"localhost:{subject.ports['registry']}/nowhere:1"
            subject.write("compose.yml", f"{compose}  more:\n    image: {nowhere}\n")
        subject.change(version, mode=mode)
        followed = subject.follow("run")
        time.sleep(1.0)
        load.rest()
        window = load.end()[mode]
        time.sleep(0.5)
        subject.write("compose.yml", compose)
    began, ended = followed.when("restore", "stage_started"), followed.when("restore", "stage_finished")
    report = followed.ran.json
    outcome = str(report.get("outcome") or report.get("error", {}).get("message", "?"))
    back = ended - began if began and ended else None
    return Went(how, followed.ran.code, outcome, heard.served(version), window, back)
