"""A deployer in a process of its own, so that it can be killed, or run out of disk.

    python -m windlass.drill.deployer ORDER

ORDER is a file that `order` wrote. Lines on standard output tell the process id, each stage as it starts (`stage NAME`), each
sign of progress (`at NAME`), and in the end `code N` and `said TEXT`.
"""

from __future__ import annotations

import pickle
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from windlass.drill.twin import Twin
from windlass.errors import ExitCode, WindlassError
from windlass.model.events import Emit, Event, ServiceProgress, StageStarted, silent
from windlass.model.release import Kind, Release


@dataclass(frozen=True)
class Order:
    """`trouble`: `full-disk` lets no file grow from the stage deploy on (setrlimit(2), RLIMIT_FSIZE)."""

    twin: Twin
    release: Release
    trouble: Literal["", "full-disk"] = ""


@dataclass(frozen=True)
class Ended:
    code: int
    said: str


def order(order: Order, folder: Path) -> list[str]:
    """The command that carries an order out; its file is for this user alone."""
    file = folder / "order"
    file.touch(mode=0o600)
    file.write_bytes(pickle.dumps(order))
    return [sys.executable, "-m", "windlass.drill.deployer", str(file)]


def deploy(twin: Twin, release: Release, *, kind: Kind = "deploy", emit: Emit = silent) -> Ended:
    """Deploy in this process, and tell how it ended instead of raising."""
    from windlass import delivery

    try:
        done = delivery.deploy(lambda _: release, kind, twin.environment, twin.tools, emit, retry=True)
    except WindlassError as error:
        return Ended(error.exit_code, str(error))
    except OSError as error:
        return Ended(ExitCode.UNEXPECTED, f"{type(error).__name__}: {error}")
    failure = done.rollout.failure if done.rollout else None
    return Ended(done.exit_code, failure.message if failure else done.outcome)


def _fill_disk() -> None:
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # programs started from here get an error as well, and no signal
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def main(file: str) -> None:
    import os

    asked = pickle.loads(Path(file).read_bytes())  # written by `order`, in a private folder
    assert isinstance(asked, Order)

    def tell(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def hear(event: Event) -> None:
        if isinstance(event, StageStarted):
            if event.stage == "deploy" and asked.trouble == "full-disk":
                _fill_disk()
            tell(f"stage {event.stage}")
        elif isinstance(event, ServiceProgress):
            tell(f"at {event.stage}")

    tell(f"pid {os.getpid()}")
    ended = deploy(asked.twin, asked.release, emit=hear)
    tell(f"code {ended.code}")
    tell(f"said {' '.join(ended.said.split())}")


if __name__ == "__main__":
    from windlass.drill import deployer  # by its own name: the order's class is that module's

    deployer.main(sys.argv[1])
