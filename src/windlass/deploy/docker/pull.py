"""Bringing images onto the engine, by digest, several at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from windlass.deploy.docker.engine import Docker
from windlass.errors import DeploymentFailed
from windlass.model.events import Emit, ServiceProgress, StageName
from windlass.waiting import Stop

_PARALLEL = 3


class LayerCount:
    """Counts layers from the lines that `docker pull` prints without a terminal."""

    def __init__(self) -> None:
        self._layers: dict[str, bool] = {}

    def hear(self, line: str) -> str | None:
        """A short progress message when this line changed the count."""
        match = re.match(r"^([0-9a-f]{12}): (.*)$", line)
        if match is None:
            return None
        done = match[2].startswith(("Pull complete", "Already exists"))
        if self._layers.get(match[1]) == done:
            return None
        self._layers[match[1]] = done or self._layers.get(match[1], False)
        return f"pulling, {sum(self._layers.values())} of {len(self._layers)} layers"


def pull(images: Mapping[str, str], emit: Emit, stage: StageName, docker: Docker) -> None:
    """Pull images. On KeyboardInterrupt all pulls are ended at once; what is to be said of it can still be recorded.

    Args:
        images: reference → the service that it is for.
        docker: where to; registries on this machine are lent to an engine elsewhere.

    Raises:
        ConfigError: an engine elsewhere has no way to the registry.
        DeploymentFailed: names the services whose images cannot be pulled, with what the engine said.
    """
    stop = Stop()

    def one(reference: str, service: str) -> str | None:
        count = LayerCount()
        said: list[str] = []

        def hear(line: str) -> None:
            said.append(line)
            if message := count.hear(line):
                emit(ServiceProgress(stage, service, message))

        emit(ServiceProgress(stage, service, "pulling"))
        code = docker.stream(["docker", "pull", reference], hear, ended_by=stop.ended_by)
        return None if code == 0 else _reason(said)

    with docker.lending(images) as hindrance, ThreadPoolExecutor(_PARALLEL) as pool:
        try:
            answers = {reference: pool.submit(one, reference, service) for reference, service in images.items()}
            failed = {images[reference]: (reference, why) for reference, a in answers.items() if (why := a.result())}
        except BaseException:  # the pool waits for those that run
            pool.shutdown(wait=False, cancel_futures=True)
            stop.set()
            raise
    if failed:
        reference, reason = next(iter(failed.values()))
        names = ", ".join(failed)
        raise DeploymentFailed(
            f"the image {reference} cannot be pulled: {reason}" + (f"; {hindrance}" if hindrance else ""),
            where=names,
            remedy="check that it is still in the registry, and that this machine may read it: docker login",
            evidence={service: (f"{image}: {why}",) for service, (image, why) in failed.items()},
        )


def _reason(said: list[str]) -> str:
    last = next((line for line in reversed(said) if line.strip()), "no reason given")
    return last.removeprefix("Error response from daemon: ")
