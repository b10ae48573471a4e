"""The number of the newest deployment, as deployers on several machines leave it on one engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tests.unit.deploy.test_workers import container

from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.engine import Docker
from windlass.deploy.docker.fence import Fence
from windlass.deploy.docker.marks import Marks, note_command, parse_marks
from windlass.deploy.docker.naming import SEQUENCE
from windlass.errors import EngineUnavailable, Locked
from windlass.process import Completed


class Engine(Docker):
    """Keeps volumes, and has one container unless it is `empty`."""

    def __init__(self, *, empty: bool = False, full: bool = False) -> None:
        super().__init__()
        self.kept: dict[str, str] = {}
        self.empty, self.full = empty, full

    def volumes(self, project: str, label: str) -> list[tuple[str, dict[str, str]]]:
        return [(name, {label: number}) for name, number in self.kept.items()]

    def containers(self, project: str) -> list[Container]:
        return [] if self.empty else [container("web", "2026-01-01T10:00:00")]

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        input: str | None = None,
        with_us: bool = False,
    ) -> Completed:
        if self.full:
            return Completed(tuple(argv), 1, "", "no space left on device")
        if argv[2] == "create":
            self.kept[argv[-1]] = next(word for word in argv if word.startswith(SEQUENCE)).partition("=")[2]
        for name in argv[3:] if argv[2] == "rm" else ():
            del self.kept[name]
        return Completed(tuple(argv), 0, "", "")


def fence(engine: Docker, machine: Path) -> Fence:
    return Fence(machine / "state.json", Marks(engine, "shop-staging"))


def enter(fence: Fence, sequence: int) -> None:
    with fence.entered(sequence):
        pass


def test_a_number_of_one_machine_holds_another_back(tmp_path: Path) -> None:
    engine = Engine()
    here, there = fence(engine, tmp_path / "here"), fence(engine, tmp_path / "there")
    enter(here, 5)
    enter(there, 7)
    with pytest.raises(Locked, match=r"number 7.*number 5"):
        enter(here, 5)
    with pytest.raises(Locked, match="number 7"):
        here.insist(6)
    enter(here, 8)
    there.insist(8)
    assert engine.kept == {"shop-staging.deployment-8": "8"}


def test_only_who_was_the_last_to_deploy_may_trust_what_is_remembered(tmp_path: Path) -> None:
    engine = Engine()
    here, there = fence(engine, tmp_path / "here"), fence(engine, tmp_path / "there")
    assert not here.overtaken()
    enter(here, 1)
    assert (here.overtaken(), there.overtaken()) == (False, True)
    enter(there, 2)
    assert (here.overtaken(), there.overtaken()) == (True, False)
    engine.kept.clear()  # by whoever clears up volumes: nobody knows then
    assert there.overtaken()


def test_a_number_counts_while_there_is_anything_that_it_could_be_about(tmp_path: Path) -> None:
    engine = Engine(empty=True)
    enter(fence(engine, tmp_path / "here"), 5)
    enter(fence(engine, tmp_path / "there"), 1)
    engine.empty = False
    enter(fence(engine, tmp_path / "there"), 2)
    assert parse_marks(engine.volumes("shop-staging", SEQUENCE)) == {2: "shop-staging.deployment-2"}


def test_a_number_that_cannot_be_noted_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="no space left"):
        enter(fence(Engine(full=True), tmp_path), 5)


def test_a_mark_belongs_to_its_environment_and_says_its_number() -> None:
    command = note_command("shop-staging", 7)
    assert command[-1] == "shop-staging.deployment-7"
    assert {"com.docker.compose.project=shop-staging", f"{SEQUENCE}=7"} <= set(command)
    assert parse_marks([("a", {SEQUENCE: "7"}), ("b", {SEQUENCE: "seven"}), ("c", {})]) == {7: "a"}
