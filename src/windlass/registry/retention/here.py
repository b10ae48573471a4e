"""What container engines run, whatever any record says: two clones of a project may share a registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeAlias

from windlass import process
from windlass.errors import WindlassError
from windlass.oci import digest as digests
from windlass.registry.retention.protected import Protected
from windlass.registry.retention.reason import Reason

_COMMAND = ["docker", "ps", "--all", "--no-trunc", "--format", "{{.Image}}"]

Run: TypeAlias = Callable[[Sequence[str]], process.Completed]
"""Runs a `docker` command on one engine. Raises WindlassError where that cannot be reached."""


def with_running(protected: Protected, host: str, engines: Iterable[Run] = ()) -> Protected:
    """The same, with the images of containers on the engine that the user's `docker` talks to, and on those that environments
    name. One that cannot be asked adds nothing: what its environment runs is in the environment's history as well.

    Args:
        engines: those that environments name.
    """
    every = dict.fromkeys(on_engines(engines, host), "a container on an environment's engine was made from it")
    every |= dict.fromkeys(here(host), "a container on this machine was made from it")
    added = {digest: Reason("runs", why) for digest, why in every.items() if digest not in protected.digests}
    return replace(protected, digests={**protected.digests, **added})


def _own(argv: Sequence[str]) -> process.Completed:
    return process.run(argv, timeout=20)


def here(host: str) -> frozenset[str]:
    """Images of a registry that containers on the engine of the user's `docker` are made from, by digest."""
    return _listed(_own, host)


def on_engines(engines: Iterable[Run], host: str) -> frozenset[str]:
    """The same of several engines, asked at once. One that cannot be asked has none."""
    with ThreadPoolExecutor(4) as pool:
        return frozenset().union(*pool.map(lambda run: _listed(run, host), engines))


def _listed(run: Run, host: str) -> frozenset[str]:
    try:
        listed = run(_COMMAND)
    except (WindlassError, OSError):
        return frozenset()
    return parse_images(listed.stdout, host) if listed.ok else frozenset()


def parse_images(text: str, host: str) -> frozenset[str]:
    """Digests of a registry's images, from names one a line: `host/repository@sha256:…`."""
    found = (line.strip().partition("@") for line in text.splitlines())
    return frozenset(digest for name, _, digest in found if name.startswith(f"{host}/") and digests.is_digest(digest))
