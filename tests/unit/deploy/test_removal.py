"""Removing containers that somebody else may be removing, too."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from windlass import process
from windlass.deploy.docker import engine as docker_engine
from windlass.deploy.docker.engine import Docker
from windlass.errors import EngineUnavailable

UNDER_WAY = "Error response from daemon: removal of container abc is already in progress"
STAYS = "Error response from daemon: could not kill container"
GONE = "Error: No such container: abc"


class Engine:
    """Says to each removal what `refusals` has, "" when it is done, and then that these containers are there: None when it
    does not answer."""

    def __init__(self, *refusals: str, there: str | None) -> None:
        self.refusals = list(refusals)
        self.there = there

    def run(self, argv: Sequence[str], **words: object) -> process.Completed:
        if argv[1] == "rm":
            said = self.refusals.pop(0)
            return process.Completed(tuple(argv), 1 if said else 0, "", said)
        if argv[1] == "ps":
            return process.Completed(tuple(argv), 1 if self.there is None else 0, self.there or "", "no daemon")
        return process.Completed(tuple(argv), 0, "", "")


@pytest.mark.parametrize("last", ["", GONE])  # as engines before 23 say it
def test_what_somebody_else_removes_is_waited_for(last: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(UNDER_WAY, UNDER_WAY, last, UNDER_WAY, last, there="")
    monkeypatch.setattr(process, "run", engine.run)
    Docker().remove(["abc", "def"])
    assert engine.refusals == [UNDER_WAY, last]
    Docker().discard(["abc"])  # what is made next may want its name
    assert engine.refusals == []


def test_what_stays_though_nobody_removes_it_is_the_engine_s_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(f"{STAYS}\n{UNDER_WAY}", STAYS, STAYS, there="abc")
    monkeypatch.setattr(process, "run", engine.run)
    with pytest.raises(EngineUnavailable, match="could not kill"):
        Docker().remove(["abc", "def"])
    Docker().discard(["abc"])  # nobody uses it: no deployment fails for it
    assert engine.refusals == []


def test_a_removal_that_never_ends_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(*[UNDER_WAY] * 100, there="abc")
    monkeypatch.setattr(process, "run", engine.run)
    monkeypatch.setattr(docker_engine, "_REMOVING", 0.3)
    with pytest.raises(EngineUnavailable, match="still removing abc"):
        Docker().remove(["abc"])


def test_an_engine_that_is_gone_meanwhile_has_removed_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine("Cannot connect to the Docker daemon", there=None)
    monkeypatch.setattr(process, "run", engine.run)
    with pytest.raises(EngineUnavailable, match="no daemon"):
        Docker().remove(["abc"])
