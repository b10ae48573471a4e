"""The state of a container on a developer's machine. Pure."""

from __future__ import annotations

from dataclasses import replace

from windlass.deploy.docker.containers import Container, to_state
from windlass.model.observation import ServiceState


def seen(container: Container, host: str) -> ServiceState:
    """As `to_state`; one that was created and not started does not start: nothing will become of it by itself.

    Args:
        host: where the engine publishes ports.
    """
    state = to_state(container, release=None, engine_host=host)
    if container.status != "created" or container.error:
        return state
    return replace(state, health="created", detail="it was never started; windlass dev start starts it")
