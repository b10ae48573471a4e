"""Ctrl-C: what it broke off is called interrupted, not failed."""

from __future__ import annotations

import json
import signal
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from tests.unit.delivery.world import World
from windlass import process
from windlass.cli import dispatch
from windlass.model.events import Event, ServiceFinished, StageFinished
from windlass.steps.stopwatch import Stopwatch
from windlass.testing.clock import ManualClock


@pytest.mark.parametrize(("ending", "outcome"), [(True, "interrupted"), (False, "failed")])
def test_a_build_whose_program_was_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: bool, outcome: str
) -> None:
    monkeypatch.setattr(process, "ending", lambda: ending)
    world = World(tmp_path)
    world.builder = replace(world.builder, failing={"web": ("signal: terminated",)})
    world.run()
    ended = {e.service: e.outcome for e in world.events if isinstance(e, ServiceFinished) and e.stage == "build"}
    assert ended["web"] == outcome


def test_a_stage_that_was_broken_off() -> None:
    heard: list[Event] = []
    with pytest.raises(KeyboardInterrupt), Stopwatch(heard.append, ManualClock()).stage("build"):
        raise KeyboardInterrupt
    assert [event.outcome for event in heard if isinstance(event, StageFinished)] == ["interrupted"]


def test_a_program_that_reads_the_report_gets_a_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: Namespace) -> int:
        raise KeyboardInterrupt

    def configure(parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true")

    module = ModuleType("work")
    module.EXAMPLE, module.configure, module.run = "", configure, run  # type: ignore[attr-defined]
    monkeypatch.setattr(dispatch, "_module", lambda name: module)
    monkeypatch.setattr(process, "terminate_all", lambda: None)
    monkeypatch.setattr(signal, "signal", lambda number, action: None)
    assert dispatch._run("work", ("work", "it works"), ["--json"]) == 130
    assert json.loads(capsys.readouterr().out)["error"]["exit_code"] == 130
