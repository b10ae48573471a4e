"""Comparing how long programs take, on a machine that does other things too."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds of each run."""

    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.runs)

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles."""
        low, _, high = statistics.quantiles(self.runs, n=4)
        return (high - low) / 2


def alternating(
    programs: Mapping[str, Sequence[str]],
    rounds: int,
    *,
    environ: Mapping[str, str] | None = None,
    before: Callable[[int], None] = lambda number: None,
) -> dict[str, Timing]:
    """Run each program once a round, in turn, so that what else the machine does hits all alike. The first round warms up.

    Args:
        environ: all of the programs' environment; this process's own otherwise.
        before: called before each run with another number every time.

    Raises:
        subprocess.CalledProcessError: a program failed.
    """
    seen: dict[str, list[float]] = {name: [] for name in programs}
    count = 0
    for number in range(rounds + 1):
        for name, argv in programs.items():
            count += 1
            before(count)
            began = time.perf_counter()
            subprocess.run(
                argv,
                check=True,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL if environ is not None else None,
            )
            if number:
                seen[name].append(time.perf_counter() - began)
    return {name: Timing(tuple(runs)) for name, runs in seen.items()}
