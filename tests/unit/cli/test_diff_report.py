from __future__ import annotations

import io

from windlass.cli import diff
from windlass.cli.output import Output
from windlass.model.events import Notice

DRIFTED = Notice("the network back runs with other settings than declared", "warning", "stop what is on it")


def told(*notices: Notice) -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    diff.tell((), "production", "main-abc1234", Output(stream, 80), {}, notices)
    stream.flush()
    stream.seek(0)
    return stream.read()


def test_what_drifted_beside_services_is_told_where_these_are_as_declared() -> None:
    said = told(DRIFTED)
    assert "production runs main-abc1234 as declared" in said
    assert "the network back runs with other settings" in said
    assert "stop what is on it" in " ".join(said.split())


def test_without_any_there_is_one_line() -> None:
    assert told().strip() == "production runs main-abc1234 as declared"
