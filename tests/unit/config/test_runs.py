"""Which image of the project a service of another Compose file runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass.config.runs import runs
from windlass.model.project import BuildSpec, Project, RegistrySpec, Service


def project(**images: str) -> Project:
    services = tuple(Service(name, image, BuildSpec(".", "Dockerfile")) for name, image in images.items())
    return Project("p", Path("/p"), RegistrySpec("localhost:5077"), ("linux/amd64",), ("a.yml",), services, ())


@pytest.mark.parametrize(
    ("service", "found"),
    [
        ({"image": "registry.example.org/team/crank-platform:latest"}, "platform-dev"),
        ({"image": "crank-platform"}, "platform-dev"),
        ({"image": "localhost:5000/crank-platform:1"}, "platform-dev"),
        ({"image": "crank-platform@sha256:" + "a" * 64}, "platform-dev"),
        ({"image": "redis:7"}, None),
        ({"image": "other-crank-platform"}, None),
        ({}, None),
    ],
)
def test_an_image_only_service_runs_what_is_built_under_that_name(service: dict[str, str], found: str | None) -> None:
    answer = runs({"services": {"platform": service}}, project(**{"platform-dev": "crank-platform"}))
    assert answer.get("platform") == found


def test_a_service_of_the_same_name_with_a_build_runs_its_own() -> None:
    model = {"services": {"web": {"build": {"context": "."}, "image": "something/else"}}}
    assert runs(model, project(web="shop-web")) == {"web": "web"}


def test_a_third_party_image_that_shares_a_service_s_name_is_not_replaced() -> None:
    assert runs({"services": {"redis": {"image": "redis:7"}}}, project(redis="my-redis")) == {}
