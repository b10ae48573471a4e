# ruff: noqa: T201
"""Deployments and rollbacks under load, beside `docker compose up -d --wait`: failed requests, and how long they take.

Both sides have the same two services, the same change each round (one line of `web`), warm build caches and the same
users: at least 200 requests a second, half over kept connections, and some that are under way for 5 s. In turns, so that what
else the machine does hits both. From commit to healthy includes the build on both sides, for this machine's platform:
`windlass run` and `docker compose build`, then `up -d --wait`. Windlass is healthy when the whole suite has passed through
the edge; its command goes on watching the services until 3 s after the switch, which is the row "end of command". At the end, releases that
are bad in five ways, and how many users reached them. Ends with 1 when a request failed, when a bad release was reached or
stayed, and, of a full run (20 rounds or more), when a goal is missed.
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.engine.deploy.delivering import Load, Subject, quantile, users
from tests.engine.deploy.load import Window

from bench.deploy_failures import failures
from bench.goals import Goals

RATE = 220
IN_FLIGHT = 5.0
GOAL = 0.5
ENOUGH = 10_000
ROUNDS = 20


@dataclass
class Side:
    """`times` maps what was done to the seconds each one took; `windows` are what users saw of each."""

    name: str
    subject: Subject
    load: Load
    times: dict[str, list[float]] = field(default_factory=dict)

    def measure(self, what: str, number: int, work: Callable[[], dict[str, float]]) -> None:
        """Time something under load. `work` gives more figures of what it did."""
        self.load.go(f"{what} {number}")
        time.sleep(1.0)
        began = time.monotonic()
        more = work()
        self.times.setdefault(what, []).append(time.monotonic() - began)
        for name, seconds in more.items():
            self.times.setdefault(name, []).append(seconds)
        time.sleep(1.0)
        self.load.rest()


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="script/bench deploy", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"deployments of each side (default: {ROUNDS})")
    parser.add_argument("--rollbacks", type=int, default=None, help="rollbacks (default: a quarter of the rounds)")
    parser.add_argument(
        "--ending",
        choices=("finish", "ignore"),
        default="finish",
        help="what services do on SIGTERM: finish their requests and end, or ignore it until they are killed (default: finish)",
    )
    parser.add_argument("--without-failures", action="store_true", help="leave out the releases that are bad")
    options = parser.parse_args(words)
    rounds = max(1, options.rounds)
    rollbacks = max(1, rounds // 4) if options.rollbacks is None else options.rollbacks

    goals = Goals(full=rounds >= ROUNDS)
    code = 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="windlass-bench-") as folder, ExitStack() as stack:
        ours = _side("windlass", Path(folder), options.ending, stack)
        theirs = _side("compose", Path(folder), options.ending, stack)
        print(f"bringing both up (services {options.ending} their requests on SIGTERM)", flush=True)
        ours.subject.run()
        _compose(theirs.subject, "up", "-d", "--build", "--wait")
        new = uuid.uuid4().hex[:6]  # what earlier runs have built is in the engine's cache
        try:
            for number in range(1, rounds + 1):
                ours.subject.change(f"v{number}-{new}")
                ours.measure("deploy", number, lambda: _run(ours.subject))
                theirs.subject.change(f"v{number}-{new}")
                theirs.measure("deploy", number, lambda: _up(theirs.subject))
                healthy = ours.times["verified"][-1]
                print(
                    f"round {number}: healthy after {healthy:.1f} s, command {_last(ours)}; compose {_last(theirs)}",
                    flush=True,
                )
            for number in range(1, rollbacks + 1):
                ours.measure("rollback", number, lambda: _rollback(ours.subject))
        except KeyboardInterrupt:  # what was measured so far is worth telling
            print("stopped by hand", flush=True)
            goals.full = False
        windows = {side.name: side.load.end() for side in (ours, theirs)}
        table(ours, theirs, windows, goals)
        code = _unwelcome(windows["windlass"])
        if not options.without_failures:
            print()
            code = max(code, failures(ours.subject, goals))
    return 1 if goals.missed else code


def _side(name: str, folder: Path, ending: str, stack: ExitStack) -> Side:
    subject = Subject.create(folder / name, f"windlass-bench-{uuid.uuid4().hex[:6]}", ending=ending)
    if name == "compose":
        stack.callback(_compose, subject, "down", "--volumes", "--rmi", "local", "--timeout", "1")
    else:
        stack.callback(subject.clean)
    return Side(name, subject, stack.enter_context(users(subject.ports["web"], RATE, IN_FLIGHT)))


def _last(side: Side) -> str:
    return f"{side.times['deploy'][-1]:.1f} s"


def _run(subject: Subject) -> dict[str, float]:
    began = time.monotonic()
    followed = subject.follow("run")
    if followed.ran.code:
        raise RuntimeError(f"windlass run ended with {followed.ran.code}: {followed.ran.out}{followed.ran.err}")
    verified = followed.when("verify", "stage_finished")
    stages = {f"stage {stage['name']}": stage["seconds"] for stage in followed.ran.json["stages"]}
    return {**stages, "verified": (verified or time.monotonic()) - began}


def _rollback(subject: Subject) -> dict[str, float]:
    ran = subject.windlass("rollback", "production", "--json", "--progress", "quiet")
    if ran.code:
        raise RuntimeError(f"windlass rollback ended with {ran.code}: {ran.out}{ran.err}")
    return {}


def _up(subject: Subject) -> dict[str, float]:
    began = time.monotonic()
    _compose(subject, "build", "--quiet")
    built = time.monotonic()
    _compose(subject, "up", "-d", "--wait")
    return {"build": built - began, "up": time.monotonic() - built}


def _compose(subject: Subject, *words: str) -> None:
    done = subprocess.run(["docker", "compose", *words], cwd=subject.root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"docker compose {' '.join(words)} ended with {done.returncode}: {done.stderr[-500:]}")


def table(ours: Side, theirs: Side, windows: dict[str, dict[str, Window]], goals: Goals) -> None:
    if not (ours.times.get("verified") and theirs.times.get("deploy")):
        print("nothing was measured")
        goals.met("anything", False)
        return
    print(f"\n{'':34}{'windlass':>12}{'compose':>12}{'ratio':>8}")
    seen = {name: _sum(each) for name, each in windows.items()}
    mine, other = seen["windlass"], seen["compose"]

    def row(what: str, a: str, b: str = "", ratio: str = "", more: str = "") -> None:
        print(f"{what:34}{a:>12}{b:>12}{ratio:>8}{more}")

    enough = goals.met("requests", mine.requests >= ENOUGH)
    row("requests", f"{mine.requests}", f"{other.requests}", more=f"  goal {ENOUGH}{enough}")
    row("requests a second", f"{mine.requests / mine.seconds:.0f}", f"{other.requests / other.seconds:.0f}")
    row("of these under way for 5 s", f"{len(mine.slow)}", f"{len(other.slow)}")
    row("failed", f"{len(mine.failures)}", f"{len(other.failures)}")
    count = max(1, len(theirs.times["deploy"]))
    changes = max(1, sum(len(ours.times.get(what, ())) for what in ("deploy", "rollback")))
    row("failed for one deployment", f"{len(mine.failures) / changes:.1f}", f"{len(other.failures) / count:.1f}")
    for share in (0.5, 0.95, 1.0):
        name = "latency, max" if share == 1.0 else f"latency, p{share * 100:.0f}"
        row(name, f"{quantile(mine.quick, share) * 1000:.0f} ms", f"{quantile(other.quick, share) * 1000:.0f} ms")

    def times(what: str, a: list[float], b: list[float], *, has_goal: bool = True) -> None:
        for share, said in ((0.5, "median"), (0.95, "p95")):
            x, y = quantile(a, share), quantile(b, share)
            judged = has_goal and share == 0.95
            goal = f"  goal {GOAL}{goals.met(what, x <= y * GOAL)}" if judged else ""
            row(f"{what}, {said}", f"{x:.1f} s", f"{y:.1f} s", f"{x / y:.2f}", goal)

    times("commit to healthy", ours.times["verified"], theirs.times["deploy"])
    times("commit to end of command", ours.times["deploy"], theirs.times["deploy"], has_goal=False)  # it watches on
    if ours.times.get("rollback") and theirs.times.get("up"):
        times("rollback / up without build", ours.times["rollback"], theirs.times["up"])
    stages = [name for name in ours.times if name.startswith("stage ")]
    print("windlass, medians: " + ", ".join(f"{n[6:]} {quantile(ours.times[n], 0.5):.1f} s" for n in stages))
    print("compose, medians: " + ", ".join(f"{n} {quantile(theirs.times[n], 0.5):.1f} s" for n in ("build", "up")))


def _sum(windows: dict[str, Window]) -> Window:
    total = Window()
    for window in windows.values():
        total.seconds += window.seconds
        total.versions.update(window.versions)
        total.failures += window.failures
        total.quick += window.quick
        total.slow += window.slow
    return total


def _unwelcome(windows: dict[str, Window]) -> int:
    """Say what failed; 1 when anything did."""
    wrong = [(name, at, what) for name, window in windows.items() for at, what in window.failures]
    for name, at, what in wrong[:20]:
        print(f"FAILED in {name}, {at:.1f} s after its start: {re.sub(r'[0-9]{5}', 'PORT', what)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
