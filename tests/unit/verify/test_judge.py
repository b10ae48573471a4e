"""Answers against expectations."""

from __future__ import annotations

import pytest

from windlass.testing.http import answer
from windlass.verify.judge import complaint
from windlass.verify.probe import Expectation, Response

WORKERS = answer(200, {"workers": [{"name": "a"}]}, Content_Type="application/json; charset=utf-8")


@pytest.mark.parametrize(
    "expected",
    [
        Expectation(),
        Expectation(status=200),
        Expectation(json={"workers[0].name": "a", "workers": [{"name": "a"}]}),
        Expectation(contains=('"name"', "a")),
        Expectation(headers={"content-type": "application/json"}),
        Expectation(headers={"Content-Type": "application/json; charset=utf-8"}),
    ],
)
def test_what_is_expected_is_no_complaint(expected: Expectation) -> None:
    assert complaint(expected, WORKERS) is None


@pytest.mark.parametrize(
    ("expected", "response", "said"),
    [
        (Expectation(), answer(503), "503 Service Unavailable"),
        (Expectation(), answer(404, "no"), "404 Not Found"),
        (Expectation(status=401), WORKERS, "200 OK, expected 401"),
        (Expectation(json={"workers[0].name": "b"}), WORKERS, 'workers[0].name is "a", expected "b"'),
        (
            Expectation(json={"workers[1].name": "b"}),
            WORKERS,
            'workers[1].name is missing, expected "b": $.workers has 1 entries',
        ),
        (Expectation(json={"a": 1}), answer(200, "<html>"), "the answer is not JSON: '<html>'"),
        (Expectation(json={"a": True}), answer(200, {"a": 1}), "a is 1, expected true"),
        (Expectation(contains=("hello",)), answer(200, "bye"), "'hello' is not in the answer 'bye'"),
        (
            Expectation(headers={"Content-Type": "text/plain"}),
            WORKERS,
            "the header Content-Type is 'application/json; charset=utf-8', expected 'text/plain'",
        ),
        (Expectation(headers={"X-A": "1"}), WORKERS, "the header X-A is missing, expected '1'"),
    ],
)
def test_a_complaint_says_what_was_found_and_expected(expected: Expectation, response: Response, said: str) -> None:
    assert complaint(expected, response) == said


def test_an_unexpected_redirect_counts_as_healthy_and_an_unknown_status_is_shown() -> None:
    assert complaint(Expectation(), answer(302)) is None
    assert complaint(Expectation(), Response(499, "", {}, b"")) == "499"


def test_long_and_undecodable_answers_stay_one_short_line() -> None:
    said = complaint(Expectation(contains=("x",)), Response(200, "OK", {}, b"\xff\n" + b"long " * 1000))
    assert said is not None and "\n" not in said and len(said) < 200
