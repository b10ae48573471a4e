"""What a registry or a web server may change behind our back is counted as changed, and the reason is said."""

from __future__ import annotations

from typing import Any

import pytest

from windlass.model.project import Service
from windlass.testing.contracts.unpinned import ORIGINS, Origin


@pytest.mark.parametrize("origin", ORIGINS, ids=[origin.name for origin in ORIGINS])
def test_only_what_is_pinned_is_reused(origin: Origin, world: Any) -> None:
    world.files = {"Dockerfile": origin.dockerfile, **origin.files}
    world.services = [Service("app", "app", origin.build)]
    world.publish()

    planned = world.of("app")

    assert planned.action == ("build" if origin.reason else "reuse")
    if origin.reason:
        assert any(origin.reason in reason for reason in planned.reasons), planned.reasons
