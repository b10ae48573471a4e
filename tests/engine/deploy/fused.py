"""`windlass` with a fuse: the process kills itself with SIGKILL at a named place, as a power cut would end it.

    WINDLASS_FUSE=POINT[:N] python -m tests.engine.deploy.fused run …

It passes POINT for the N-th time (the first one otherwise). Nothing in the product knows of this: functions are wrapped here.
What it has asked the engine for goes on, as it does when a deployer dies.
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
import sys
from typing import Any

POINTS = {
    # name: (module, function, whether before or after it)
    "admit": ("windlass.state.git_ref", "GitState.admit", "before"),
    "admitted": ("windlass.state.git_ref", "GitState.admit", "after"),
    "fenced": ("windlass.deploy.docker.beside", "Beside.begin", "before"),
    "starting": ("windlass.deploy.docker.watch", "Watch.judge", "after"),
    "beside": ("windlass.deploy.docker.beside", "Beside.begin", "after"),
    "checked": ("windlass.deploy.docker.target", "DockerTarget.switch", "before"),
    "turning": ("windlass.deploy.docker.switching", "Switching.turn", "before"),
    "edge-told": ("windlass.deploy.docker.edge.client", "EdgeClient.apply", "after"),
    "edge-noted": ("windlass.deploy.docker.edge.edges", "Edges.apply", "after"),
    "turned": ("windlass.deploy.docker.switching", "Switching.turn", "after"),
    "remembered": ("windlass.deploy.docker.fence", "Fence.write", "after"),
    "switched": ("windlass.deploy.docker.target", "DockerTarget.switch", "after"),
    "watched": ("windlass.deploy.docker.target", "DockerTarget.watch", "after"),
    "retired": ("windlass.deploy.docker.target", "DockerTarget.retire", "after"),
    "settled": ("windlass.state.git_ref", "GitState.settle", "after"),
    "restoring": ("windlass.deploy.docker.target", "DockerTarget.restore", "before"),
    "restored": ("windlass.deploy.docker.target", "DockerTarget.restore", "after"),
}


def fuse(point: str) -> None:
    """Wrap the function of a point. Raises KeyError, AttributeError: there is no such point, or the code has moved on."""
    name, _, count = point.partition(":")
    module, path, side = POINTS[name]
    owner: Any = importlib.import_module(module)
    *outer, last = path.split(".")
    for word in outer:
        owner = getattr(owner, word)
    wrapped = getattr(owner, last)
    left = int(count or 1)

    def pass_by() -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    @functools.wraps(wrapped)
    def burning(*args: Any, **kwargs: Any) -> Any:
        if side == "before":
            pass_by()
        result = wrapped(*args, **kwargs)
        if side == "after":
            pass_by()
        return result

    setattr(owner, last, burning)


if __name__ == "__main__":
    fuse(os.environ["WINDLASS_FUSE"])
    from windlass.cli.main import entry

    sys.argv[0] = "windlass"
    entry()
