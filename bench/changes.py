# ruff: noqa: T201
"""Random Dockerfiles and random edits: the planner's decision beside BuildKit's verdict.

Goal: nothing missed. Needless builds are counted and explained: a stage is counted as a whole, whatever of it a later one
copies. What does not build, before or after, is passed over.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import Random

from windlass.errors import BuildFailed
from windlass.plan.why import compare
from windlass.testing.buildkit import Judge
from windlass.testing.contracts.change_case import Case
from windlass.testing.decision import fingerprints
from windlass.testing.random_changes import random_case


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="script/bench changes", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--seed", type=int, default=1, help="where to begin; each case is of the seed after (default: 1)"
    )
    parser.add_argument("--count", type=int, default=200, help="how many cases (default: 200)")
    parser.add_argument("--show", action="store_true", help="print the cases of needless builds too")
    given = parser.parse_args(words)

    outcomes: Counter[str] = Counter()
    for seed in range(given.seed, given.seed + given.count):
        case = random_case(Random(seed), f"seed {seed}")
        with tempfile.TemporaryDirectory(prefix="windlass-changes-") as folder:
            outcome, why = _judged(case, Judge(Path(folder).resolve(), ("linux/amd64",)))
        outcomes[outcome] += 1
        if outcome == "missed" or (outcome == "needless" and given.show):
            print(
                f"{case.name}: {outcome}: {why}\n{case.files['Dockerfile']}{case.files}\nedit {case.edit}", flush=True
            )
        elif outcome == "needless":
            print(f"{case.name}: {outcome}: {why}", flush=True)
        print(f"\r{seed - given.seed + 1} of {given.count}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    for outcome in ("agreed: changed", "agreed: same", "missed", "needless", "does not build"):
        print(f"{outcome:20}{outcomes[outcome]:6}")
    print(f"seeds {given.seed} to {given.seed + given.count - 1}; goal: 0 missed")
    return 0


def _judged(case: Case, judge: Judge) -> tuple[str, str]:
    before, after = fingerprints(case)
    if before is None or after is None:
        return "does not build", ""
    try:
        changed = judge.changes(case)
    except BuildFailed:
        return "does not build", ""
    planned = before.digest is None or before.digest != after.digest
    if changed == planned:
        return ("agreed: changed" if changed else "agreed: same"), ""
    why = "; ".join(compare("app", before.inputs, after.inputs).sentences())
    return ("missed" if changed else "needless"), why


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
