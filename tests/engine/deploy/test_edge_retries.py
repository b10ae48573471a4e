"""A container that has died is passed over, and nothing that changes anything is asked twice."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator

import pytest

from tests.engine.deploy.edge_alone import Alone, alone, web
from tests.engine.deploy.serving import Load, fresh, keeping
from windlass import process
from windlass.waiting import wait_for


@pytest.fixture
def here(port: Callable[[], int]) -> Iterator[Alone]:
    with alone(port()) as made:
        yield made


def ask(port: int, path: str = "/", method: str = "GET") -> str:
    """The answer, or its status; OSError and HTTPException when there is none."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        line.request(method, path, body=b"x" if method == "POST" else None)
        answer = line.getresponse()
        text = answer.read().decode()
        return text if answer.status == 200 else f"status {answer.status}"
    finally:
        line.close()


def test_where_one_of_two_has_died_the_other_answers_and_no_request_fails(here: Alone) -> None:
    one, two = here.server("one"), here.server("two")
    here.lead(web(one, two))
    wait_for(lambda: {ask(here.port) for _ in range(4)}, lambda said: said == {"one", "two"}, seconds=30)
    with Load().running(*(client(here.port) for client in (keeping, fresh, keeping, fresh))) as load:
        asked = wait_for(
            lambda: load.total, lambda count: set(load.answers) == {"one", "two"} and count > 20, seconds=30
        )
        process.run(["docker", "kill", one.id], check=True)
        wait_for(lambda: load.total - asked, lambda count: count > 100, seconds=60)
    assert load.failures == []
    assert set(load.answers) == {"one", "two"}


def test_a_user_does_not_wait_long_for_the_answer_that_nobody_is_there(here: Alone) -> None:
    one = here.server("one")
    here.lead(web(one))
    wait_for(lambda: ask(here.port), lambda said: said == "one", seconds=30)
    process.run(["docker", "kill", one.id], check=True)
    began = time.monotonic()
    assert ask(here.port) == "status 503"
    assert time.monotonic() - began < 15  # the bound of a machine in trouble: the configuration says less than 5


def test_only_what_changes_nothing_is_asked_of_another_when_no_answer_came(here: Alone) -> None:
    bad, good = here.server("bad", HANGS_UP_ON="/x"), here.server("good")
    here.lead(web(bad, good))
    wait_for(lambda: {ask(here.port) for _ in range(4)}, lambda said: said == {"bad", "good"}, seconds=30)
    assert {ask(here.port, "/x") for _ in range(6)} == {"good"}
    said = []
    for _ in range(6):
        try:
            said.append(ask(here.port, "/x", "POST"))
        except (OSError, http.client.HTTPException):
            said.append("nothing")

    def heard() -> int:
        return sum(here.heard(server).count("POST /x") for server in (bad, good))

    assert wait_for(heard, lambda count: count >= 6, seconds=30) == 6  # what was printed is told a moment later
    assert "GET /x" in here.heard(bad) and set(said) - {"good"}
