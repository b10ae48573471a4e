"""Compose's own words, recorded from version 2.26, as one line that names the file and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass.compose import messages
from windlass.errors import ConfigError, EnvironmentUnusable

HERE = Path("/home/me/shop")
F = "docker-compose.yml"
CASES: list[tuple[str, str]] = [
    ("yaml: line 3: did not find expected node content", f"{F}:3: did not find expected node content; correct the YAML"),
    ("yaml: line 2: found character that cannot start any token", f"{F}:2: a tab indents this line; write spaces"),
    ('yaml: unmarshal errors:\n  line 4: mapping key "image" already defined at line 3', f'{F}:4: mapping key "image" already defined at line 3; correct the YAML'),
    ("empty compose file", f"{F}: the file is empty; declare services in it"),
    ("Top-level object must be a mapping", f"{F}: expected a mapping with services; write services: …"),
    ("validating /home/me/shop/other.yml: services.a Additional property imagee is not allowed", "other.yml: services.a: unknown key 'imagee'; correct its name, or take it out"),
    ("validating /home/me/shop/other.yml: services.a additional properties 'imagee' not allowed", "other.yml: services.a: unknown key 'imagee'; correct its name, or take it out"),
    ("validating /home/me/shop/other.yml: (root) Additional property service is not allowed", "other.yml: unknown key 'service'; correct its name, or take it out"),
    ("validating /home/me/shop/other.yml: services.a.image must be a string", "other.yml: services.a.image: must be a string; see the Compose file reference"),
    ("env file /home/me/shop/a.env not found: stat /home/me/shop/a.env: no such file or directory", f"{F}: the env file a.env does not exist; create it, or write {{path: a.env, required: false}}"),
    ("error while interpolating services.a.image: required variable TAG is missing a value: set TAG first", f"{F}: services.a.image: the variable TAG has no value (set TAG first); set it in the environment or in .env"),
    ("error while interpolating services.a.image: required variable TAG is missing a value", f"{F}: services.a.image: the variable TAG has no value; set it in the environment or in .env"),
    ("invalid interpolation format for services.a.image.\nYou may need to escape any $ with another $.\n${TAG", f"{F}: services.a.image: expected ${{NAME}}, found ${{TAG; write $$ for a plain dollar sign"),
    ('service "a" depends on undefined service "b": invalid compose project', f"{F}: services.a.depends_on: there is no service b; correct the name, or declare it"),
    ("dependency cycle detected: a -> b -> a", f"{F}: these services wait for each other: a -> b -> a; take one depends_on out"),
    ('cannot extend service "a" in /home/me/shop/x.yml: service "b" not found', f"{F}: services.a.extends: there is no service b in x.yml; correct the name"),
    ("open /home/me/shop/nope.yml: no such file or directory", f"{F}: the file nope.yml, named by include or extends, does not exist; correct the path"),
    ('service "a" has neither an image nor a build context specified: invalid compose project', f"{F}: services.a: has neither image nor build; add one, or list this file after the one that it overrides"),
    ('service "a" refers to undefined network v: invalid compose project', f"{F}: services.a: there is no network v; declare it under networks"),
    ('failed to read /home/me/shop/.env: Invalid template: "${B"', f'{F}: the env file .env cannot be read: Invalid template: "${{B"; correct it'),
    ("yaml: invalid leading UTF-8 octet", f"{F}: expected UTF-8 text; save the file as UTF-8"),
    ("something that nobody has seen before\nin two lines", f"{F}: something that nobody has seen before in two lines"),
    ("", f"{F}: Docker Compose gave no reason"),
]  # fmt: skip


@pytest.mark.parametrize(("stderr", "line"), CASES)
def test_a_refusal_is_one_line_with_the_file_and_what_to_do(stderr: str, line: str) -> None:
    warning = 'time="2026-01-01T00:00:00Z" level=warning msg="The \\"X\\" variable is not set."\n'
    error = messages.refusal(warning + stderr + "\n", [F], HERE)
    assert isinstance(error, ConfigError)
    assert str(error) == line


def test_several_files_are_all_named_when_compose_does_not_say_which() -> None:
    assert str(messages.refusal("empty compose file", ["a.yml", "b.yml"], HERE)).startswith("a.yml, b.yml: ")


@pytest.mark.parametrize(
    "stderr",
    [
        "docker: 'compose' is not a docker command.\nSee 'docker --help'",
        "unknown shorthand flag: 'f' in -f",
        "unknown flag: --project-directory",
    ],
)
def test_a_docker_without_compose_is_not_the_users_files_fault(stderr: str) -> None:
    error = messages.refusal(stderr, [F], HERE)
    assert isinstance(error, EnvironmentUnusable)
    assert error.remedy == "install the Docker Compose plugin (version 2.20 or later)"


def test_warnings_are_sentences_each_once() -> None:
    stderr = (
        'time="x" level=warning msg="The \\"TOKEN\\" variable is not set. Defaulting to a blank string."\n'
        'time="x" level=warning msg="The \\"TOKEN\\" variable is not set. Defaulting to a blank string."\n'
        'time="x" level=warning msg="/home/me/shop/b.yml: `version` is obsolete"\n'
    )
    assert messages.warnings(stderr, HERE) == (
        "the variable TOKEN has no value; Compose takes it as empty",
        "b.yml: `version` is obsolete",
    )
    assert messages.unset(stderr) == ("TOKEN",)
    assert messages.warnings("", HERE) == ()
