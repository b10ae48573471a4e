# ruff: noqa: T201
"""Kill the registry under load, many times, and look for anything acknowledged that is lost or anything served that is wrong.

Half of the rounds end at fixed points (`windlass.registry.server.storage.crash`), half at random. Ends with 1 when anything is wrong.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from tests.integration.registry.crashing import Outcome, cases, trial
from tests.integration.registry.serving import free_port

_ROUNDS_A_ROOT = 20


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="script/bench crash", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200, help="how often to kill it (default: 200)")
    parser.add_argument("--seed", type=int, default=7, help="another seed is another run (default: 7)")
    options = parser.parse_args(words)

    began = time.monotonic()
    outcomes: list[Outcome] = []
    planned = cases(options.rounds, options.seed)
    for first in range(0, len(planned), _ROUNDS_A_ROOT):
        with tempfile.TemporaryDirectory(prefix="windlass-crash-") as folder:
            crashes = trial(Path(folder), free_port(), options.seed + first)
            outcomes += [crashes.round(case) for case in planned[first : first + _ROUNDS_A_ROOT]]
    _table(outcomes)
    wrong = [(each.case, text) for each in outcomes for text in each.wrong]
    for case, text in wrong:
        print(f"WRONG after {case}: {text}")
    print(f"{len(outcomes)} kills in {time.monotonic() - began:.0f} s, {len(wrong)} findings")
    return 1 if wrong else 0


def _table(outcomes: list[Outcome]) -> None:
    by_point: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_point[outcome.case.point].append(outcome)
    print(f"{'killed at':20}{'rounds':>8}{'at point':>10}{'acknowledged':>14}{'wrong':>7}")
    for point, found in sorted(by_point.items()):
        hits = sum(each.hit for each in found)
        acknowledged = sum(each.acknowledged for each in found)
        print(f"{point:20}{len(found):8}{hits:10}{acknowledged:14}{sum(bool(each.wrong) for each in found):7}")
