# ruff: noqa: T201
"""Two deployers from separate clones, started together, many times: one deploys, the other exits with 6 or comes after it.

Judged from the engine's own events: no container of the one that was refused is ever created, and two that both deployed did
so one after the other. Ends with 1 when anything was otherwise.
"""

from __future__ import annotations

import argparse
import signal
import tempfile
import time
import uuid
from collections import Counter
from pathlib import Path

from tests.engine.deploy.racing import Racing


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="script/bench deploy-race", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100, help="how many races (default: 100)")
    options = parser.parse_args(words)
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    began, wrong = time.monotonic(), 0
    codes: Counter[tuple[int, ...]] = Counter()
    with tempfile.TemporaryDirectory(prefix="windlass-bench-") as folder:
        racing = Racing(Path(folder), f"windlass-bench-{uuid.uuid4().hex[:6]}")
        try:
            racing.prepare()
            for number in range(1, options.rounds + 1):
                race = racing.race()
                codes[race.codes] += 1
                wrong += bool(race.wrong)
                said = "; ".join(race.wrong) or "as it should be"
                print(f"{number:3}  exit {race.codes[0]} and {race.codes[1]}{race.seconds:8.1f} s  {said}", flush=True)
        except KeyboardInterrupt:
            print("stopped by hand")
        finally:
            racing.subject.clean()
    for pair, count in sorted(codes.items()):
        print(f"exit codes {pair[0]} and {pair[1]}: {count} times")
    print(f"{sum(codes.values())} races in {time.monotonic() - began:.0f} s, {wrong} with findings")
    return 1 if wrong else 0
