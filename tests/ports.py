"""Ports for what tests start: each process of a run has a range of its own, and gives no port twice.

A port that the system picks (`bind` to 0) can be picked again by somebody else between the question and the server's start.
"""

from __future__ import annotations

import itertools
import os
import socket

_FIRST, _EACH, _WORKERS = 10_000, 1_200, 8
"""Below 20000, where a drill chooses on an engine elsewhere, and 32768, from where Linux takes ports for connections and for
those who do not choose."""


def _candidates() -> itertools.cycle[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
    begin = os.getpid() * 7 % _EACH  # so that two runs on one machine hardly meet
    return itertools.cycle(_FIRST + worker * _EACH + (begin + step) % _EACH for step in range(_EACH))


_ports = _candidates()


def free_port() -> int:
    """A port that nobody listens on, at no address of this machine."""
    for port in itertools.islice(_ports, _EACH):
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"all {_EACH} ports from {_FIRST} on are taken")
