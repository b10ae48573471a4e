"""What must go before Compose begins: failures, and what an interrupted deployment has left."""

from __future__ import annotations

import dataclasses
from typing import Any

from windlass.deploy.docker.changes import in_the_way
from windlass.deploy.docker.containers import parse_containers

(OLD,) = parse_containers(
    '[{"Id": "old", "Name": "/web-1", "Config": {"Image": "web", "Labels": {"com.docker.compose.service": "web"}},'
    ' "State": {"Status": "running", "StartedAt": "2026-01-01T00:00:00Z"}}]'
)


def old(**how: Any) -> Any:
    return dataclasses.replace(OLD, **{"config_hash": "1", **how})


def left(**how: Any) -> Any:
    return old(**{"id": "left", "status": "created", "started": "", "config_hash": "2", **how})


def removed(*there: Any, wanted: str, changed: frozenset[str] = frozenset({"web"})) -> set[str]:
    return {container.id for container in in_the_way(there, changed, {"web": wanted})}


def test_what_compose_replaces_by_itself_is_left_to_it() -> None:
    assert removed(old(), wanted="2") == set()
    assert removed(old(status="exited", exit_code=1), wanted="2") == set()


def test_a_failed_container_of_the_right_configuration_is_made_anew() -> None:
    assert removed(old(status="exited", exit_code=1), wanted="1") == {"old"}


def test_a_replacement_that_was_never_started_goes() -> None:
    assert removed(old(), left(), wanted="2") == {"left"}
    assert removed(old(), left(), wanted="3") == {"left"}


def test_the_container_beside_it_may_be_on_its_way_out_and_is_not_relied_on() -> None:
    assert removed(old(), left(), wanted="1") == {"old", "left"}


def test_a_container_that_is_alone_is_no_leftover() -> None:
    assert removed(left(), wanted="2") == set()


def test_services_that_do_not_change_are_not_touched() -> None:
    assert removed(old(), left(), wanted="1", changed=frozenset()) == set()


def test_one_that_happens_to_be_up_between_two_crashes_is_no_better_than_one_that_is_down() -> None:
    crashing = old(status="running", health="starting", restarts=3)
    assert removed(crashing, wanted="1") == {"old"}
    assert removed(dataclasses.replace(crashing, restarts=1), wanted="1") == set()
    assert removed(dataclasses.replace(crashing, health="healthy"), wanted="1") == set()
