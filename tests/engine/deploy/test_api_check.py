"""A release that fails its API suite before the switch, delivered whole: no user reaches it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.deploy.delivering import Subject, users


@pytest.fixture
def subject(tmp_path: Path) -> Iterator[Subject]:
    made = Subject.create(tmp_path, f"windlass-test-{uuid.uuid4().hex[:8]}")
    try:
        yield made
    finally:
        made.clean()


def test_a_release_whose_api_check_fails_is_left_before_anybody_reaches_it(subject: Subject) -> None:
    subject.run()
    before = {c.id for c in subject.board().current}
    subject.change("bad", mode="api")
    with users(subject.ports["web"], rate=60) as load:
        load.go("bad")
        ran = subject.windlass("run", "--json", "--progress", "quiet")
        load.rest()
        window = load.end()["bad"]
    assert ran.code == 4, ran.err
    assert "before the switch" in json.dumps(ran.json)
    kept = [path.read_text() for path in (subject.folder / "home").rglob("web.log")]
    assert kept and not any("served bad" in text for text in kept)  # its own log: no user's request
    assert window.failures == []
    assert window.requests and not any("bad" in text for text in window.versions)
    assert {c.id for c in subject.board().current} == before
