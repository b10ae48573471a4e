from __future__ import annotations

from windlass.dev.endpoints import health_checks, test_endpoints, unasked
from windlass.model.observation import Endpoint, Observation, ServiceState
from windlass.model.project import HealthCheck, Service
from windlass.testing.clock import ManualClock

DB = ServiceState("db", "running", ports=((5432, Endpoint("localhost", 15432)),))
STOPPED = ServiceState("api", "exited", exit_code=137, detail="exit code 137")
API = Service("api", "api", health=(HealthCheck("api", 8080, "/health"),))

test_endpoints.__test__ = False  # type: ignore[attr-defined]  # its name is no test's


def test_a_port_that_no_check_asks_is_asked_for_a_connection() -> None:
    results = test_endpoints([API], Observation((DB,)), seconds=1, connect=lambda place, _: None, clock=ManualClock())
    assert [(r.service, r.url, r.passed) for r in results] == [("db", "tcp://localhost:15432", True)]


def test_a_port_that_refuses_is_a_failure_with_its_reason() -> None:
    results = test_endpoints([], Observation((DB,)), seconds=1, connect=lambda place, _: "refused", clock=ManualClock())
    assert [(r.passed, r.last) for r in results] == [(False, "refused")]


def test_a_service_that_has_ended_is_not_waited_for_and_fails() -> None:
    results = test_endpoints([API], Observation((STOPPED,)), seconds=60, clock=ManualClock())
    assert [(r.service, r.passed, r.last) for r in results] == [("api", False, "exited: exit code 137")]


def test_a_port_is_asked_once() -> None:
    running = ServiceState("api", "healthy", ports=((8080, Endpoint("localhost", 1)), (9090, Endpoint("localhost", 2))))
    checks = health_checks([API], Observation((running,)))
    assert [port for _, port, _ in unasked(Observation((running,)), checks)] == [9090]


def test_a_service_that_is_meant_to_be_down_does_not_fail() -> None:
    running = Observation((ServiceState("brain", "exited", detail="exit code 137"),))
    assert [r.passed for r in test_endpoints([], running, seconds=1)] == [False]
    assert test_endpoints([], running, seconds=1, aside=("brain",)) == ()
