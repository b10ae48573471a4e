"""Counting failed logins."""

from __future__ import annotations

from windlass.registry.server.access.limiter import FailureLimiter


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_ten_failures_close_one_name_to_one_address_for_the_rest_of_the_minute() -> None:
    clock = Clock()
    limiter = FailureLimiter(clock)
    for _ in range(10):
        assert limiter.wait("here", "alice") == 0
        limiter.attempt("here", "alice")
    assert 0 < limiter.wait("here", "alice") <= 61
    assert limiter.wait("here", "bob") == 0
    assert limiter.wait("there", "alice") == 0
    clock.now = 61
    assert limiter.wait("here", "alice") == 0


def test_a_success_forgets_the_failures_before_it() -> None:
    limiter = FailureLimiter(Clock())
    for _ in range(9):
        limiter.attempt("here", "alice")
    limiter.succeeded("here", "alice")
    limiter.attempt("here", "alice")
    assert limiter.wait("here", "alice") == 0


def test_trying_many_names_closes_the_address() -> None:
    limiter = FailureLimiter(Clock())
    for number in range(100):
        limiter.attempt("here", f"user{number}")
    assert limiter.wait("here", "somebody else") > 0
    assert limiter.wait("there", "somebody else") == 0


def test_successes_do_not_close_an_address() -> None:
    limiter = FailureLimiter(Clock())
    for number in range(300):
        limiter.attempt("here", f"user{number}")
        limiter.succeeded("here", f"user{number}")
    assert limiter.wait("here", "somebody else") == 0


def test_memory_stays_small_however_many_addresses_try() -> None:
    limiter = FailureLimiter(Clock())
    for number in range(60_000):
        limiter.attempt(str(number), "alice")
    assert len(limiter._failures) < 30_000
