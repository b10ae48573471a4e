"""After the switch a release is checked and watched side by side, on a real engine, behind a real edge."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.deploy.delivering import Subject

_DEADLINE = 120.0
"""Seconds for which the suite goes on asking a service that is gone."""

_ERRORS = 8
"""Answers that the suite provokes on purpose: more than are forgiven, and nearly all that it asks."""

CASES = "".join(
    f"  - {{name: error {number}, service: web, path: /refused, expect: {{status: 500}}, after_switch: true}}\n"
    for number in range(_ERRORS)
)
SUITE = f"""\
cases:
{CASES}  - {{name: it goes on, service: web, path: /last, expect: {{contains: fine}}, after_switch: true, deadline: {_DEADLINE:.0f}s}}
"""
ANSWERS = """\
    if path == "/refused":
        return 500, "on purpose"
    if path == "/last":
        if MODE == "dies":
            os._exit(7)
        return 200, "fine"
"""


@pytest.fixture
def subject(tmp_path: Path) -> Iterator[Subject]:
    made = Subject.create(tmp_path, f"windlass-test-{uuid.uuid4().hex[:8]}")
    try:
        made.write("tests/api.yaml", SUITE)
        server = (made.root / "server.py").read_text()
        head, marker, rest = server.partition('    if path == "/checked":\n')
        made.write("server.py", head + ANSWERS + marker + rest)
        yield made
    finally:
        made.clean()


def test_a_container_that_dies_is_noticed_while_the_suite_still_asks_and_errors_on_purpose_are_none(
    subject: Subject,
) -> None:
    subject.commit("a suite that provokes errors")
    subject.run()
    subject.change("good")
    subject.run()  # nearly every request since the switch was answered with an error, all of them wanted
    before = {c.id for c in subject.board().current}

    subject.change("bad", mode="dies")
    followed = subject.follow("run")
    assert followed.ran.code == 4, followed.ran.err
    assert "web: it is exited after the switch" in json.dumps(followed.ran.json["failure"])
    began, ended = (followed.when("verify", f"stage_{word}") for word in ("started", "finished"))
    assert began is not None and ended is not None
    assert ended - began < _DEADLINE / 2  # the suite would have asked on
    assert {c.id for c in subject.board().current} == before
    kept = [path.read_text() for path in (subject.folder / "home").rglob("web.log")]
    assert any("exited" in text for text in kept)
