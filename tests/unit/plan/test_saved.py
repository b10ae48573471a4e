"""A plan that was saved is the plan that is executed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from windlass.errors import ConfigError
from windlass.model.plan import Plan
from windlass.model.project import Project, RegistrySpec, TestSpec
from windlass.plan import saved


def project(world: Any) -> Project:
    return Project(
        "shop", Path("/nowhere"), RegistrySpec("localhost:5077"), world.platforms, (), tuple(world.services), ()
    )


@pytest.fixture
def plan(world: Any) -> Plan:
    world.service("base", "# syntax=docker/dockerfile:1\nFROM python:3.12\n", reference="shop/base:latest")
    world.service("app", "FROM shop/base:latest\nCOPY app/x /\n", test=TestSpec(command="true"))
    world.files["app/x"] = "x"
    world.files["broken/Dockerfile"] = "COPPY\n"
    world.service("broken", "COPPY\n")
    made: Plan = world.plan(environment="staging")
    return made


def test_it_comes_back_whole(world: Any, plan: Plan) -> None:
    assert any(item.links for item in plan.services)
    assert any(item.frontend for item in plan.services)
    assert plan.failed
    assert saved.loads(saved.dumps(plan), project(world), "plan.json") == plan


@pytest.mark.parametrize("key", ["links", "frontend", "bases", "fingerprint", "action"])
def test_one_that_lacks_something_is_refused(world: Any, plan: Plan, key: str) -> None:
    document = json.loads(saved.dumps(plan))
    del document["services"][0][key]
    with pytest.raises(ConfigError, match="not a saved plan"):
        saved.loads(json.dumps(document), project(world), "plan.json")
