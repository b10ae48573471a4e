"""What can be asked of the services that run here: their health checks, and every other port they publish."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import replace

from windlass.model.observation import CheckResult, Endpoint, Observation, ServiceState
from windlass.model.project import HealthCheck, Service
from windlass.verify.verify import verify
from windlass.waiting import Clock, SystemClock

Connect = Callable[[Endpoint, float], str | None]
"""Opens a connection and ends it; the reason when it could not be opened within some seconds."""


_ANSWERING = ("healthy", "running", "starting", "unhealthy")


def health_checks(services: Sequence[Service], running: Observation) -> tuple[HealthCheck, ...]:
    """The declared checks of services that could answer, well or not. Pure."""
    there = {state.service for state in running.services if state.health in _ANSWERING}
    return tuple(
        replace(check, service=service.name)
        for service in services
        if service.name in there
        for check in service.health
    )


def unasked(running: Observation, checks: Sequence[HealthCheck]) -> tuple[tuple[ServiceState, int, Endpoint], ...]:
    """Published ports that no health check asks. Pure."""
    asked = {(check.service, check.port) for check in checks}
    return tuple(
        (state, port, endpoint)
        for state in running.services
        for port, endpoint in state.ports
        if (state.service, port) not in asked
    )


def test_endpoints(
    services: Sequence[Service],
    running: Observation,
    *,
    seconds: float,
    aside: Sequence[str] = (),
    connect: Connect | None = None,
    clock: Clock | None = None,
) -> tuple[CheckResult, ...]:
    """Ask every endpoint: health checks by HTTP, other published ports by opening a connection.

    A service that is not well and has no endpoint fails too: it would not be noticed otherwise.

    Args:
        seconds: how long each may take.
        aside: services that are meant to be down.
    """
    checks = health_checks(services, running)
    states = {state.service: state for state in running.services}

    def endpoint(service: str, port: int) -> Endpoint | None:
        return dict(states[service].ports).get(port) if service in states else None

    results = list(verify(endpoint, checks, (), timeout=seconds, environ={}, clock=clock))
    clock = clock or SystemClock()
    for state, port, place in unasked(running, checks):
        began = clock.now()
        refused = (connect or _connect)(place, seconds)
        results.append(
            CheckResult(
                name=f"connect to {port}",
                service=state.service,
                url=f"tcp://{place.host}:{place.port}",
                passed=refused is None,
                attempts=1,
                seconds=clock.now() - began,
                last=refused or "accepts connections",
            )
        )
    asked = {result.service for result in results}
    for state in running.services:
        if state.service not in asked and not state.well and state.service not in aside:
            detail = f": {state.detail}" if state.detail else ""
            results.append(CheckResult(state.health, state.service, "-", False, 1, 0.0, f"{state.health}{detail}"))
    return tuple(results)


def _connect(endpoint: Endpoint, seconds: float) -> str | None:
    try:
        with socket.create_connection((endpoint.host, endpoint.port), timeout=seconds):
            return None
    except OSError as error:
        return error.strerror or str(error) or "no answer"
