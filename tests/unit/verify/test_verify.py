"""Checks against endpoints that answer in every way."""

from __future__ import annotations

import pytest

from windlass.errors import ConfigError, EngineUnavailable
from windlass.model.events import Event, ServiceFinished, ServiceProgress, ServiceStarted, silent
from windlass.model.observation import Asked, CheckResult, Endpoint
from windlass.model.project import HealthCheck
from windlass.testing.clock import ManualClock
from windlass.testing.http import FakeServer, answer
from windlass.verify.api import Suite, parse_suite
from windlass.verify.asking import Asking
from windlass.verify.probe import Request, Response, Unanswered
from windlass.verify.verify import verify

LIVE = HealthCheck("web", 8443, "/health/live", "https", insecure=True)


def endpoint(service: str, port: int) -> Endpoint | None:
    return {("web", 8443): Endpoint("localhost", 18443), ("web", 0): Endpoint("localhost", 18443)}.get((service, port))


def run(
    server: FakeServer,
    *checks: HealthCheck,
    suites: tuple[Suite, ...] = (),
    timeout: float = 60.0,
    events: list[Event] | None = None,
) -> tuple[CheckResult, ...]:
    return verify(
        endpoint,
        checks,
        suites,
        timeout=timeout,
        environ={"TOKEN": "s3cret"},
        clock=ManualClock(),
        emit=events.append if events is not None else silent,
        request=server,
    )


def test_a_healthy_service_passes_at_the_first_try() -> None:
    server = FakeServer()
    (result,) = run(server, LIVE)
    assert (result.passed, result.attempts, result.last) == (True, 1, "200 OK")
    assert result.url == "https://localhost:18443/health/live"
    assert (server.requests[0].insecure, server.requests[0].method) == (True, "GET")


def test_a_service_that_is_still_starting_is_asked_again() -> None:
    (result,) = run(FakeServer([Unanswered("connection refused"), answer(503), answer(200)]), LIVE)
    assert result.passed and result.attempts == 3
    assert result.last == "200 OK after 3 tries in 0.3 s"


def test_an_engine_that_does_not_answer_for_a_moment_fails_no_check() -> None:
    gone = [EngineUnavailable("the container engine does not answer")] * 3

    def place(service: str, port: int) -> Endpoint | None:
        if gone:
            raise gone.pop()
        return endpoint(service, port)

    (result,) = verify(
        place, [LIVE], (), timeout=60.0, environ={}, clock=ManualClock(), request=FakeServer([answer(200)])
    )
    assert result.passed and result.attempts == 4


def test_where_an_engine_never_answers_the_check_was_not_sent() -> None:
    def place(service: str, port: int) -> Endpoint | None:
        raise EngineUnavailable("the container engine does not answer")

    asking = Asking()
    (result,) = verify(place, [LIVE], (), timeout=5.0, environ={}, clock=ManualClock(), asking=asking)
    assert not result.passed and not result.sent
    assert "does not answer" in result.last


def test_an_engine_that_takes_long_to_say_where_a_service_is_does_not_shorten_its_time() -> None:
    clock, server = ManualClock(), FakeServer()

    def slow(service: str, port: int) -> Endpoint | None:
        clock.pause(8.0)
        return endpoint(service, port)

    (result,) = verify(slow, [LIVE], (), timeout=5.0, environ={}, clock=clock, request=server)
    assert result.passed
    assert server.requests[0].timeout == 5.0


def test_a_failed_check_says_what_was_last_seen_how_often_and_for_how_long() -> None:
    (result,) = run(FakeServer([answer(503)]), LIVE)
    assert not result.passed and result.sent
    assert result.last == f"503 Service Unavailable after {result.attempts} tries in 60 s"
    assert 10 < result.attempts < 50


def test_a_refused_connection_is_a_failed_check() -> None:
    (result,) = run(FakeServer([Unanswered("connection refused")]), LIVE, timeout=5.0)
    assert result.last.startswith("connection refused after ") and result.last.endswith("in 5.0 s")


def test_what_cannot_change_is_not_tried_again() -> None:
    reason = "certificate not trusted: self-signed certificate; set insecure: true if it is self-signed on purpose"
    (result,) = run(FakeServer([Unanswered(reason, final=True)]), LIVE)
    assert (result.attempts, result.last, result.sent) == (1, reason, True)


def test_a_check_that_could_not_be_sent_is_told_apart() -> None:
    server = FakeServer()
    (result,) = run(server, HealthCheck("web", 9999), timeout=1.0)
    assert not result.passed and not result.sent
    assert result.last.startswith("not sent: web does not publish port 9999")
    assert server.requests == []


def test_an_endpoint_that_appears_later_is_found() -> None:
    answers = iter([None, None])
    results = verify(
        lambda service, port: next(answers, Endpoint("localhost", 1)),
        [LIVE],
        [],
        timeout=10,
        environ={},
        clock=ManualClock(),
        request=FakeServer(),
    )
    assert results[0].passed and results[0].attempts == 3


def test_a_redirect_is_an_answer_and_a_declared_status_counts_exactly() -> None:
    exact = HealthCheck("web", 8443, status=204)
    assert run(FakeServer([answer(302)]), LIVE)[0].passed
    assert run(FakeServer([answer(204)]), exact)[0].passed
    assert run(FakeServer([answer(200)]), exact, timeout=1)[0].last.startswith("200 OK, expected 204")


def test_suites_and_health_checks_come_back_in_order_and_are_told_by_service() -> None:
    text = b"cases: [{name: first, service: web}, {name: second, service: web, port: 8443, deadline: 1s, expect: {status: 500}}]"
    events: list[Event] = []
    results = run(FakeServer(), LIVE, suites=(parse_suite(text, "api.yaml"),), events=events)
    assert [(result.name, result.passed) for result in results] == [
        ("/health/live on 8443", True),
        ("first", True),
        ("second", False),
    ]
    assert [e for e in events if isinstance(e, ServiceStarted)] == [ServiceStarted("verify", "web")]
    assert any("second: 200 OK, expected 500" in e.message for e in events if isinstance(e, ServiceProgress))
    (finished,) = [e for e in events if isinstance(e, ServiceFinished)]
    assert finished.outcome == "failed" and finished.detail.startswith("second: 200 OK, expected 500")


def test_a_case_without_a_port_needs_exactly_one_published() -> None:
    suite = parse_suite(b"cases: [{name: a, service: worker, deadline: 1s}]", "api.yaml")
    (result,) = run(FakeServer(), suites=(suite,))
    assert result.last.startswith("not sent: worker does not publish exactly one port; write port")


def test_private_values_are_not_in_results_or_events() -> None:
    text = b"""
cases:
  - {name: echo, service: web, path: "/${TOKEN}", deadline: 1s, expect: {contains: "${TOKEN}!"}}
"""
    events: list[Event] = []
    (result,) = run(FakeServer([answer(200, "s3cret")]), suites=(parse_suite(text, "api.yaml"),), events=events)
    assert not result.passed
    assert "s3cret" not in f"{result} {events}"
    assert "${TOKEN}" in result.last


def test_a_missing_variable_stops_before_anything_is_sent() -> None:
    suite = parse_suite(b'cases: [{name: a, service: web, path: "/${NOBODY}"}]', "api.yaml")
    server = FakeServer()
    with pytest.raises(ConfigError, match="NOBODY"):
        run(server, LIVE, suites=(suite,))
    assert server.requests == []


def test_no_checks_are_no_results() -> None:
    assert run(FakeServer()) == ()


def test_an_error_of_our_own_is_not_taken_for_a_failed_check() -> None:
    def broken(request: Request) -> Response:
        raise RuntimeError("a mistake in the sender")

    with pytest.raises(RuntimeError, match="a mistake"):
        verify(endpoint, [LIVE, LIVE], [], timeout=1, environ={}, clock=ManualClock(), request=broken)


def test_a_suite_that_is_stopped_sends_nothing_more_and_says_no_verdict() -> None:
    asking, events = Asking(), list[Event]()

    def once(request: Request) -> Response:
        asking.stop.set()
        return answer(503)

    (result,) = verify(
        endpoint, [LIVE], (), timeout=60.0, environ={}, clock=ManualClock(), emit=events.append,
        request=once, asking=asking,
    )  # fmt: skip
    assert (result.passed, result.attempts) == (False, 1)
    assert [e.outcome for e in events if isinstance(e, ServiceFinished)] == ["skipped"]

    def never(request: Request) -> Response:
        raise AssertionError("sent")

    (result,) = verify(
        endpoint, [LIVE], (), timeout=60.0, environ={}, clock=ManualClock(), request=never, asking=asking
    )
    assert not result.passed and not result.sent


def test_a_pause_between_two_tries_ends_when_the_suite_is_to() -> None:
    asking, clock = Asking(), ManualClock()
    clock.then(0.06, asking.stop.set)
    server = FakeServer([answer(503)])
    verify(endpoint, [LIVE], (), timeout=60.0, environ={}, clock=clock, request=server, asking=asking)
    assert clock.now() <= 0.1 and len(server.requests) == 1


@pytest.mark.parametrize(
    ("scheme", "seen", "errors"),
    [
        ("http", answer(200), 0),
        ("http", answer(404), 0),
        ("http", answer(500), 1),
        ("http", Unanswered("connection refused"), 1),
        ("https", answer(500), 1),  # which an edge sees where it ends TLS
        ("https", Unanswered("connection refused"), 1),
    ],
)
def test_what_an_edge_takes_for_errors_is_counted(scheme: str, seen: Response | Unanswered, errors: int) -> None:
    asking = Asking()
    text = "cases: [{name: a, service: web, scheme: SCHEME, deadline: 50ms, expect: {status: 204}}]".replace(
        "SCHEME", scheme
    )
    suite = parse_suite(text.encode(), "api.yaml")
    during: list[Asked] = []

    def request(request: Request) -> Response:
        during.append(asking.counts()["web"])
        if isinstance(seen, Unanswered):
            raise seen
        return seen

    verify(endpoint, (), [suite], timeout=60.0, environ={}, clock=ManualClock(), request=request, asking=asking)
    tries = len(during)
    assert during[0] == Asked(1, 1)  # while it is under way, nobody knows
    assert asking.counts() == {"web": Asked(tries, tries * errors)}


@pytest.mark.parametrize(
    ("deadline", "answers", "took"),
    [
        ("", [answer(500)], (15.0, 15.0)),
        ("deadline: 40s, ", [answer(500)], (40.0, 40.0)),
        ("", [answer(503)], (60.0, 60.0)),
        ("", [Unanswered("connection refused")], (60.0, 60.0)),
        ("", [*[answer(502)] * 8, answer(500)], (20.0, 30.0)),
    ],
)
def test_a_case_without_a_deadline_gives_up_soon_on_a_service_that_is_there(
    deadline: str, answers: list[Response | Unanswered], took: tuple[float, float]
) -> None:
    suite = parse_suite(f"cases: [{{name: a, {deadline}service: web}}]".encode(), "api.yaml")
    (result,) = run(FakeServer(answers), suites=(suite,))
    assert not result.passed
    assert took[0] - 0.2 <= result.seconds <= took[1] + 0.2


def test_a_health_check_has_all_the_time_there_is() -> None:
    (result,) = run(FakeServer([answer(500)]), LIVE)
    assert result.seconds >= 59.8
