"""What `windlass drill` shows."""

from __future__ import annotations

import io
import json

import pytest

from windlass.cli.drill import document, tell
from windlass.cli.output import Output
from windlass.drill.cases import CASES, RESTORED, Report, Seen, judge

REPORTS = [
    *(judge(case, Seen(case.codes[0], "it said so", case.ends, 0.0, 90, 0, 9.5)) for case in CASES[:3]),
    judge(
        CASES[3],
        Seen(4, "web: exited with 137", RESTORED, 84.2, 400, 31, 99.0, 4.4, 180.0, ("container web-1 (exited)",)),
    ),
    Report(
        CASES[7], skipped="only images of the embedded registry can be removed here under a name of the drill's own"
    ),
]


@pytest.mark.parametrize("width", [80, 140])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_cut(width: int) -> None:
    stream = io.StringIO()
    tell("production", "main-abc1234", REPORTS, Output(stream, width))
    text = stream.getvalue()
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    words = text.split()
    for wanted in ("noticed", "container", "embedded", "main-abc1234"):
        assert any(wanted in word for word in words)
    assert "…" not in text


def test_the_document_is_json_and_says_what_was_wrong() -> None:
    told = json.loads(json.dumps(document("production", "main-abc1234", REPORTS)))
    assert told["as_it_should_be"] is False
    verdicts = {case["name"]: case["verdict"] for case in told["cases"]}
    assert verdicts["after-switch"] == "wrong"
    assert verdicts["pruned"] == "not tried"
    assert told["cases"][3]["wrong"]
