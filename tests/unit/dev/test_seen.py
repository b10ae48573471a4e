from __future__ import annotations

from windlass.deploy.docker.containers import Container
from windlass.dev.endpoints import test_endpoints
from windlass.dev.seen import seen
from windlass.model.observation import Observation
from windlass.model.project import HealthCheck, Service
from windlass.testing.clock import ManualClock

test_endpoints.__test__ = False  # type: ignore[attr-defined]  # its name is no test's


def container(status: str, error: str = "") -> Container:
    return Container("c0", "api", "api", status, "", 0, 0, "api:1", "", "", None, "", "", error, "", False, ())


def test_a_container_that_nobody_started_does_not_start() -> None:
    state = seen(container("created"), "localhost")
    assert (state.health, state.well) == ("created", False)
    assert "never started" in state.detail


def test_one_that_could_not_be_started_keeps_its_reason() -> None:
    state = seen(container("created", "port is already allocated"), "localhost")
    assert (state.health, state.detail) == ("exited", "port is already allocated")


def test_its_endpoints_are_not_asked_in_vain() -> None:
    clock = ManualClock()
    api = Service("api", "api", health=(HealthCheck("api", 8080, "/health"),))
    results = test_endpoints([api], Observation((seen(container("created"), "localhost"),)), seconds=10, clock=clock)
    assert [(r.passed, r.last.partition(";")[0], r.attempts) for r in results] == [
        (False, "created: it was never started", 1)
    ]
