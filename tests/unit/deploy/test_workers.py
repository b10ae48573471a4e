"""Services that nobody connects to: what counts as one, and which of its containers do the work."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from windlass.deploy.docker import naming
from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.edge.board import Board
from windlass.deploy.docker.edge.layout import Layout, lay_out
from windlass.deploy.docker.workers import with_room


def service(**settings: Any) -> dict[str, Any]:
    return {"image": "x", "networks": {"default": None}, **settings}


def laid_out(worker: dict[str, Any] | None = None, **web: Any) -> Layout:
    return lay_out({"worker": worker or service(), "web": service(expose=["80"], **web)}, images={})


def test_a_service_without_a_port_that_nobody_calls_starts_beside_its_old_containers() -> None:
    found = laid_out(environment={"QUEUE": "redis://queue/worker", "JOB": "a-worker:1", "MODE": "workers"})
    assert found.workers == {"worker"}
    assert found.beside == {"worker", "web"}
    assert found.in_place == {}


@pytest.mark.parametrize(
    "web",
    [
        {"depends_on": {"worker": {"condition": "service_started"}}},
        {"environment": {"API": "http://worker/"}},
        {"environment": {"API": "http://user:word@worker"}},
        {"environment": {"API": "worker"}},
        {"environment": {"API": "worker:8000"}},
        {"command": ["serve", "--upstream=worker:8000"]},
        {"command": "wait-for worker:8000"},
        {"environment": {"API": "https://jobs.internal/x"}},
    ],
)
def test_one_that_another_service_may_call_by_name_is_stopped_and_started_and_it_says_who(web: dict[str, Any]) -> None:
    found = laid_out(service(networks={"default": {"aliases": ["jobs.internal"]}}), **web)
    assert found.workers == frozenset()
    assert found.in_place == {"worker": "nothing says on which port it listens, and web may call it"}


def test_one_that_owns_something_or_is_a_singleton_is_never_two() -> None:
    owner = service(volumes=[{"type": "volume", "source": "jobs", "target": "/jobs"}])
    assert laid_out(owner).in_place == {"worker": "it owns the volume jobs"}
    alone = lay_out({"beat": service()}, images={}, singletons=["beat"])
    assert alone.in_place == {"beat": "two of it must not run at once (singleton)"}


def test_it_keeps_its_names_under_whatever_name_it_is_started() -> None:
    model = {
        "services": {
            "worker": service(networks={"default": None, "back": {"aliases": ["jobs"], "priority": 1}}),
            "db": service(),
        }
    }
    made = with_room(model, ["worker"])["services"]
    assert made["worker"]["networks"] == {
        "default": {"aliases": ["worker"]},
        "back": {"aliases": ["worker", "jobs"], "priority": 1},
    }
    assert made["worker"]["labels"] == {naming.WORKER: "true"}
    assert made["db"] == model["services"]["db"]


def container(id: str, created: str, key: str = "", **more: Any) -> Container:
    made = Container(
        id=id, name=id, service="worker", status="running", health="", restarts=0, exit_code=0, image="x", image_id="i",
        config_hash="h", digest=None, started=created, finished="", error="", health_output="", may_end=False, ports=(),
        key=key or f"worker.{id}", worker=True, created=created,
    )  # fmt: skip
    return replace(made, **more)


OLD = container("old", "2026-01-01T10:00:00")
NEW = container("new", "2026-01-01T10:00:00.5")


def test_the_workers_made_first_do_the_work_until_they_are_asked_to_end() -> None:
    assert Board((NEW, OLD)).serving("worker") == [OLD]
    assert Board((NEW, OLD)).idle == [NEW]
    after = Board((NEW, OLD), leaving=frozenset({"old"}))
    assert after.serving("worker") == [NEW]
    assert after.idle == [OLD]


def test_a_worker_that_was_restarted_is_still_the_one_that_works() -> None:
    crashed = replace(OLD, started="2026-01-01T12:00:00", restarts=4)
    assert Board((NEW, crashed)).serving("worker") == [crashed]


def test_several_containers_of_one_configuration_work_together() -> None:
    more = container("more", "2026-01-01T11:00:00", key=OLD.key)
    board = Board((OLD, NEW, more))
    assert board.serving("worker") == [OLD, more]
    assert board.current == [OLD, more]


def test_one_that_stood_in_place_works_until_it_is_asked_to_end() -> None:
    plain = container("plain", "2026-01-01T12:00:00", key="worker", worker=False)
    assert Board((NEW, plain)).serving("worker") == [plain]
    assert Board((NEW, plain)).idle == [NEW]
    assert Board((NEW, plain), leaving=frozenset({"plain"})).serving("worker") == [NEW]
