"""Edges between services: found in Dockerfiles and named contexts, never taken from the order of deployment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from windlass.errors import ConfigError


def test_the_order_of_deployment_is_no_input(world: Any) -> None:
    world.files["a.txt"] = "1"
    world.service("base", "FROM scratch\nCOPY a.txt /\n")
    world.service("app", "FROM scratch\nCOPY app /\n")
    world.publish()

    world.services = [replace(one, depends_on=("base",)) if one.name == "app" else one for one in world.services]
    assert world.built() == []

    world.edit({"a.txt": "2"})
    assert world.built() == ["base"]


@pytest.mark.parametrize(
    ("dockerfile", "build"),
    [
        ("FROM two\n", {}),
        ("FROM scratch\nCOPY --from=two / /\n", {}),
        ("FROM busybox\nRUN --mount=from=two,target=/m true\n", {}),
        ("FROM scratch\nCOPY --from=parts / /\n", {"contexts": {"parts": "service:two"}}),
        ("FROM shop-two\n", {}),
        ("FROM localhost:5077/two:latest\n", {}),
    ],
)
def test_a_circle_is_named_however_it_is_closed(world: Any, dockerfile: str, build: dict[str, Any]) -> None:
    world.service("one", dockerfile, **build)
    world.service("two", "FROM three\n")
    world.service("three", "FROM scratch\nCOPY --from=one / /\n")

    with pytest.raises(ConfigError, match="one → two → three → one"):
        world.plan()
