"""Removing containers that somebody else may be removing, too."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from windlass import process
from windlass.deploy.docker.engine import Docker
from windlass.errors import EngineUnavailable

UNDER_WAY = "Error response from daemon: removal of container abc is already in progress"


class Engine:
    """Refuses every removal, and says of the containers, look by look, what `statuses` has."""

    def __init__(self, refusal: str, *statuses: str | None) -> None:
        self.refusal = refusal
        self.statuses = list(statuses)

    def run(self, argv: Sequence[str], **words: object) -> process.Completed:
        if argv[1] == "rm":
            return process.Completed(tuple(argv), 1, "", self.refusal)
        if argv[1] == "ps":
            said = self.statuses.pop(0)
            return process.Completed(tuple(argv), 1 if said is None else 0, said or "", "no daemon")
        return process.Completed(tuple(argv), 0, "", "")


def test_what_somebody_else_removes_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(UNDER_WAY, "removing\nremoving\n", "removing\n", "")
    monkeypatch.setattr(process, "run", engine.run)
    Docker().remove(["abc", "def"])
    assert engine.statuses == []


def test_what_stays_though_nobody_removes_it_is_the_engine_s_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(
        "Error response from daemon: could not kill container", "exited\nremoving\n", "exited\n", "exited\n"
    )
    monkeypatch.setattr(process, "run", engine.run)
    with pytest.raises(EngineUnavailable, match="could not kill"):
        Docker().remove(["abc", "def"])


def test_an_engine_that_is_gone_meanwhile_has_removed_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine("Cannot connect to the Docker daemon", None)
    monkeypatch.setattr(process, "run", engine.run)
    with pytest.raises(EngineUnavailable, match="no daemon"):
        Docker().remove(["abc"])
