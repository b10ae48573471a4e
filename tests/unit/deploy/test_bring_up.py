"""What becomes of Compose while a release comes up, and what is looked at meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.deploy.test_watch import seen

from windlass.deploy.docker import up
from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.edge.board import Board
from windlass.deploy.docker.fence import Seen
from windlass.deploy.docker.looking import Looking
from windlass.deploy.docker.up import Compose, until_named
from windlass.testing.clock import ManualClock

TAKEN = 'Conflict. The container name "/crank-web-1" is already in use by container "9cbb". You have to remove it.'


@dataclass
class Tries:
    """What Compose says, try by try."""

    said: list[list[str]]
    count: int = 0

    def __call__(self) -> list[str]:
        self.count += 1
        return self.said[min(self.count, len(self.said)) - 1]


@pytest.mark.parametrize(
    ("said", "tries"),
    [
        ([[TAKEN], [TAKEN], []], 3),
        ([[TAKEN], ["no such image"]], 2),
        ([["no such image"]], 1),
        ([["name is already in use by 9cbb"], []], 2),  # as Podman says it
    ],
)
def test_a_name_that_is_taken_is_asked_for_again_and_nothing_else_is(said: list[list[str]], tries: int) -> None:
    compose = Tries(said)
    assert until_named(compose, lambda lines: lines) == said[-1]
    assert compose.count == tries


def test_a_name_that_stays_taken_is_told() -> None:
    assert until_named(Tries([[TAKEN]]), lambda lines: lines, seconds=0.1) == [TAKEN]


@dataclass
class Engine:
    """Has these containers. It is counted how often it lists them; `lost` are ids that it does not tell of when asked."""

    there: list[Container]
    lost: set[str] = field(default_factory=set)
    listed: int = 0

    def containers(self, project: str) -> list[Container]:
        self.listed += 1
        return list(self.there)

    def these(self, containers: Sequence[Container]) -> list[Container]:
        known = {container.id for container in containers}
        return [c for c in self.there if c.id in known and c.id not in self.lost]


def test_new_containers_are_looked_for_when_compose_has_said_something_or_one_does_not_show() -> None:
    one, two = replace(seen(), id="1"), replace(seen(), id="2")
    engine: Any = Engine([one])
    looking = up._Looking(Compose("crank", {}, Path(), {}, engine))
    assert looking.look((False, 1)) == [one]
    engine.there = [replace(one, health="healthy"), two]
    assert [c.health for c in looking.look((False, 1))] == ["healthy"]
    assert engine.listed == 1
    assert looking.look((False, 2)) == engine.there and engine.listed == 2
    engine.lost = {"1"}  # an engine that does not answer, as far as can be told from that
    assert looking.look((False, 2)) == engine.there and engine.listed == 3


def test_a_service_of_which_only_what_is_about_to_go_is_there_is_missing() -> None:
    site: Any = SimpleNamespace(docker=SimpleNamespace(host=lambda: "localhost"), clock=ManualClock())
    looking = Looking(site, None, None, project="crank")  # type: ignore[arg-type]
    web = replace(seen(), service="web", key="web")
    kept = Seen(1, {}, ("web",))
    assert looking.observation(Board((web,)), kept).missing == ()
    assert looking.observation(Board((web,), leaving=frozenset({web.id})), kept).missing == ("web",)
