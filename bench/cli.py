# ruff: noqa: T201
"""Start of the command line, as a multiple of the time Python itself needs.

Goal: at most 2.5 times `python -c pass`. What is imported makes the difference: heavy libraries only where they are used.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.timing import alternating

GOAL = 2.5


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="script/bench cli", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30, help="runs of each program (default: 30)")
    rounds = max(2, parser.parse_args(words).rounds)

    windlass = str(Path(sys.executable).with_name("windlass"))
    base = "python -c pass"
    timings = alternating(
        {
            base: [sys.executable, "-c", "pass"],
            "windlass --version": [windlass, "--version"],
            "windlass plan --help": [windlass, "plan", "--help"],
        },
        rounds,
    )
    print(f"{'program':24}{'median':>10}{'spread':>10}{'ratio':>8}")
    for name, timing in timings.items():
        ratio = timing.median / timings[base].median
        print(f"{name:24}{timing.median * 1000:7.1f} ms{timing.spread * 1000:7.1f} ms{ratio:8.2f}")
    print(f"{rounds} alternating runs each; goal: a ratio of at most {GOAL}")
    return 0
