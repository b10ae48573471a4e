"""The planner against the table of edits: rebuilt if, and only if, the image changes."""

from __future__ import annotations

from typing import Any

import pytest

from windlass.model.project import BuildSpec, Service
from windlass.testing.contracts.change_case import Case
from windlass.testing.contracts.changes import CASES


def _services(case: Case, spec: BuildSpec) -> list[Service]:
    return [Service(name, name, other) for name, other in case.others.items()] + [Service("app", "app", spec)]


def _triggers(dockerfile: str) -> tuple[str, ...]:
    return tuple(
        line.removeprefix("ONBUILD ") for line in dockerfile.splitlines() if line.startswith("ONBUILD ")
    )  # as an image's configuration lists them


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_rebuilds_exactly_when_the_image_changes(case: Case, world: Any) -> None:
    world.files = dict(case.files)
    world.services = _services(case, case.before)
    for name, (before, _) in case.images.items():
        world.bases.onbuild[name] = _triggers(before)
    world.publish()
    assert world.built() == []

    world.files = case.edited
    world.services = _services(case, case.after or case.before)
    for name, (before, after) in case.images.items():
        world.bases.onbuild[name] = _triggers(after)
        if before != after:
            world.bases.move(name)

    assert ("app" in world.built()) == case.rebuilds, world.of("app").fingerprint.inputs
