"""A user of the copy notices when there is an answer again, whatever became of earlier requests."""

from __future__ import annotations

import threading

import pytest

from windlass.drill import users
from windlass.model.observation import Endpoint
from windlass.model.project import HealthCheck
from windlass.verify.probe import Request, Unanswered
from windlass.waiting import wait_for

CHECK = HealthCheck("web", 8080, "/health")


class Answer:
    status = 200


def test_a_request_without_an_answer_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck, over = threading.Event(), threading.Event()

    def send(request: Request) -> Answer:
        assert request.url == "http://localhost:8080/health"
        if not stuck.is_set():
            stuck.set()
            over.wait(30)
            raise Unanswered("no answer")
        return Answer()

    monkeypatch.setattr(users, "send", send)
    with users.User(CHECK, lambda: Endpoint("localhost", 8080)) as user:
        seen = wait_for(lambda: user.probes, lambda probes: len(probes) > 2, seconds=20)
        assert all(answered for _, _, answered in seen)
        over.set()
    assert not user.probes[0][2]
    assert user.probes == sorted(user.probes)


def test_nobody_is_asked_where_there_is_no_endpoint() -> None:
    with users.User(CHECK, lambda: None) as user:
        pass
    assert user.probes == []
