"""The whole way of a deployment, by two deployers from separate clones of one remote, onto one target."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest

from tests.integration.state.test_lease import at_once, clones, release_of
from tests.unit.delivery.world import World
from windlass.delivery import deploy
from windlass.deploy.interface import Checked, Deployed
from windlass.errors import Held, WindlassError
from windlass.git.repository import Repository
from windlass.model.delivery import Delivery
from windlass.model.events import Emit, silent
from windlass.model.release import Release
from windlass.state.git_ref import GitState
from windlass.testing.target import FakeTarget
from windlass.waiting import SystemClock

ROUNDS = 12
__all__ = ["clones"]


@dataclass
class Watched(FakeTarget):
    """Notes when two switch at once."""

    inside: list[str] = field(default_factory=list)
    met: list[tuple[str, ...]] = field(default_factory=list)
    switched: list[str] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def switch(self, checked: Checked, sequence: int, emit: Emit) -> Deployed:
        name = checked.prepared.release.id
        with self.guard:
            self.inside.append(name)
            if len(self.inside) > 1:
                self.met.append(tuple(self.inside))
        threading.Event().wait(0.05)  # long enough to be met by somebody who should not be there
        with self.guard:
            self.inside.remove(name)
            self.switched.append(name)
        return super().switch(checked, sequence, emit)


class Deployer:
    def __init__(self, folder: Path, repository: Repository, target: FakeTarget) -> None:
        self.repository = repository
        world = World(folder, target=target, shared_registry=True)
        self.tools = replace(world.tools, state=GitState(repository, "origin"), clock=SystemClock())
        self.place = world.project.environment("production")

    def bring(self, name: str, wait: float = 0) -> Delivery:
        release = self._release(name)
        return deploy(lambda records: release, "deploy", self.place, self.tools, silent, wait=wait)

    def _release(self, name: str) -> Release:
        release = release_of(self.repository, name)
        digest = "sha256:" + f"{abs(hash(name)):064x}"[-64:]
        return replace(release, services=(replace(release.services[0], digest=digest),))


@pytest.fixture
def target() -> Watched:
    return Watched()


@pytest.fixture
def deployers(tmp_path: Path, clones: list[Repository], target: Watched) -> list[Deployer]:
    return [Deployer(tmp_path / f"world{number}", clone, target) for number, clone in enumerate(clones)]


def test_one_deploys_and_the_other_is_told_who(deployers: list[Deployer], target: Watched) -> None:
    for number in range(ROUNDS):
        first, second = deployers
        answers = at_once(partial(first.bring, f"a{number}"), partial(second.bring, f"b{number}"))
        healthy = [one for one in answers if not isinstance(one, WindlassError)]
        refused = [one for one in answers if isinstance(one, WindlassError)]
        assert target.met == []
        # They may come one after the other, when one is done before the other has looked.
        assert len(healthy) >= 1
        assert all(isinstance(one, Held) for one in refused), refused
        assert len(healthy) == len(target.switched)
        target.switched.clear()


def test_who_waits_comes_after_and_both_are_deployed(deployers: list[Deployer], target: Watched) -> None:
    for number in range(2):
        first, second = deployers
        answers = at_once(partial(first.bring, f"a{number}", 60), partial(second.bring, f"b{number}", 60))
        assert [one for one in answers if isinstance(one, WindlassError)] == []
        assert target.met == []
        assert sorted(target.switched) == [f"a{number}", f"b{number}"]
        newest = first.tools.state.records("production")[0]
        assert newest.running == target.switched[-1]
        target.switched.clear()
