"""A deployer that is killed leaves an environment that serves, and that the next run brings to a known state."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.deploy.fused import POINTS
from tests.engine.deploy.killing import Case, Killing, trial


@pytest.fixture(scope="module")
def killing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killing]:
    subject, made = trial(tmp_path_factory.mktemp("killed"), f"windlass-test-{uuid.uuid4().hex[:8]}")
    try:
        made.prepare()
        yield made
    finally:
        subject.clean()


@pytest.mark.parametrize(
    "case",
    [
        Case("run", "starting:2"),
        Case("run", "edge-told"),
        Case("rollback", "turned"),
        Case("bad", "restoring"),
        Case("run", after=0.6),
    ],
    ids=str,
)
def test_the_next_run_converges_and_users_notice_nothing(killing: Killing, case: Case) -> None:
    outcome = killing.round(case)
    assert outcome.wrong == (), outcome.failed
    assert outcome.hit or not case.point


@pytest.mark.parametrize("point", POINTS)
def test_every_point_is_a_place_in_the_code(point: str) -> None:
    import importlib

    module, path, _ = POINTS[point]
    owner: Any = importlib.import_module(module)
    for word in path.split("."):
        owner = getattr(owner, word)
    assert callable(owner)
