# ruff: noqa: T201
"""Kill the deployer at work, many times, and look at what the next run makes of it, and at what users noticed.

Half of the rounds end at fixed points (`tests.engine.deploy.fused`), half at random; runs, rollbacks and runs that fail. Ends
with 1 when a run did not converge, a container or network was left over, or a request failed.
"""

from __future__ import annotations

import argparse
import signal
import tempfile
import time
import uuid
from collections import defaultdict
from pathlib import Path

from tests.engine.deploy.killing import Outcome, cases, trial


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="script/bench deploy-crash", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=50, help="how many kills that hit it at work (default: 50)")
    parser.add_argument("--seed", type=int, default=5, help="another seed is another run (default: 5)")
    options = parser.parse_args(words)
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    began = time.monotonic()
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="windlass-bench-") as folder:
        subject, killing = trial(Path(folder), f"windlass-bench-{uuid.uuid4().hex[:6]}")
        try:
            killing.prepare()
            for number, case in enumerate(cases(2 * options.rounds, options.seed), start=1):
                outcome = killing.round(case)
                outcomes.append(outcome)
                said = "; ".join(outcome.wrong) or "converged"
                hit = "killed" if outcome.hit else "had ended"
                print(f"{number:3}  {case!s:24}{hit:10}{outcome.seconds:6.1f} s  {said}", flush=True)
                for line in outcome.failed[:3]:
                    print(f"       {line}")
                if sum(one.hit for one in outcomes) == options.rounds:
                    break
        except KeyboardInterrupt:
            print("stopped by hand")
        finally:
            subject.clean()
    _table(outcomes)
    wrong = sum(bool(outcome.wrong) for outcome in outcomes)
    killed = sum(outcome.hit for outcome in outcomes)
    print(f"{killed} kills in {time.monotonic() - began:.0f} s, {wrong} rounds with findings")
    return 1 if wrong else 0


def _table(outcomes: list[Outcome]) -> None:
    kinds: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        kinds[f"{outcome.case.what}, {'at a point' if outcome.case.point else 'at random'}"].append(outcome)
    print(f"{'killed':24}{'rounds':>8}{'killed':>8}{'requests':>10}{'failed':>8}{'wrong':>7}")
    for kind, found in sorted(kinds.items()):
        requests, failed = sum(one.requests for one in found), sum(len(one.failed) for one in found)
        hits, wrong = sum(one.hit for one in found), sum(bool(one.wrong) for one in found)
        print(f"{kind:24}{len(found):8}{hits:8}{requests:10}{failed:8}{wrong:7}")
