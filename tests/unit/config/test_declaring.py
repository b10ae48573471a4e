"""Few files are enough to read a project of a commit, and where they are not, that is known."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from windlass.config.declaring import declaring

YAML = """
project: shop
compose: [deploy/compose.yml]
scan: {ignore_file: accepted.txt}
services: {app: {test: {command: make test, files: app/tests}}}
environments: {staging: {compose: [deploy/staging.yml], api: [checks.yaml]}}
"""


def named(files: Mapping[str, str]) -> tuple[str, ...] | None:
    return declaring(lambda names: [files.get(name) for name in names])


def test_everything_that_windlass_yaml_names_is_wanted() -> None:
    found = named({"windlass.yaml": YAML, "deploy/compose.yml": "services: {app: {build: ../app}}"})
    assert found is not None
    assert {"windlass.yaml", "accepted.txt", "app/tests", "deploy/compose.yml", "deploy/staging.yml"} <= set(found)
    assert {"checks.yaml", "deploy/.env", ".trivyignore", "compose.yaml"} <= set(found)
    assert "app" not in found


def test_what_compose_reads_beside_its_files_is_wanted() -> None:
    compose = "services: {app: {build: ., env_file: [a.env, {path: b.env}], x-windlass: {test: {files: tests}}}}"
    found = named({"windlass.yaml": "project: x", "compose.yaml": compose})
    assert found is not None
    assert {"a.env", "b.env", "tests"} <= set(found)


@pytest.mark.parametrize(
    "compose",
    [
        "include: [other.yml]",
        "services: {app: {extends: {file: base.yml, service: app}}}",
        "services: {app: {label_file: labels}}",
        "services: {app: {env_file: '.env.${STAGE}'}}",
        "services: {app: {env_file: [}",
    ],
)
def test_files_that_only_compose_can_name_mean_all(compose: str) -> None:
    assert named({"windlass.yaml": "project: x", "compose.yaml": compose}) is None


@pytest.mark.parametrize(
    "text", [None, "", "[", "5", "project: x\nservices: 5\nenvironments: [a]\nscan: x\ncompose: {}"]
)
def test_a_file_that_is_wrong_is_read_all_the_same(text: str | None) -> None:
    found = named({"windlass.yaml": text} if text is not None else {})
    assert found is not None
    assert "windlass.yaml" in found


def test_places_outside_the_repository_are_not_asked_for() -> None:
    found = named({"windlass.yaml": "project: x\ncompose: [../a.yml, /b.yml, '~/c.yml']"})
    assert found is not None
    assert not [path for path in found if path.endswith(("/a.yml", "b.yml", "c.yml")) or ".." in path]
