"""How a release that did not come up is told."""

from __future__ import annotations

from windlass.deploy.docker.up import in_short


def test_services_of_which_the_same_is_said_are_named_together() -> None:
    late = "not ready after 180 s: starting"
    assert in_short({"api": late, "db": "exited with 1", "web": late}) == f"api, web: {late}; db: exited with 1"
