"""Variables from dotenv files and the environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.deploy.environ import dotenv, parse_dotenv, require, variables
from windlass.errors import ConfigError

COMPOSE = ("compose.yml",)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A=1\nB = two words \n", {"A": "1", "B": "two words"}),
        ("# A=1\n\nexport B=2", {"B": "2"}),
        ("A=1 # said\nB=a#b\nC= # nothing", {"A": "1", "B": "a#b", "C": ""}),
        ("A='it''s $x'\nB='#no comment' # yes", {"A": "it", "B": "#no comment"}),
        ('A="a\\nb\\"c" # said\nB="one\ntwo"', {"A": 'a\nb"c', "B": "one\ntwo"}),
        ('A="never closed\nB=2', {"A": "never closed\nB=2"}),
        ("NAME_ALONE\n=x\n1A=2", {}),
        ("", {}),
    ],
)
def test_dotenv_lines_are_read(text: str, found: dict[str, str]) -> None:
    assert parse_dotenv(text) == found


@given(st.text(max_size=60))
@settings(derandomize=True)
def test_no_text_makes_the_reader_fail(text: str) -> None:
    parse_dotenv(text)


def test_later_files_win_and_the_process_wins_over_all(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("A=1\nB=1\nC=1")
    (tmp_path / "two").write_text("B=2\nC=2")
    (tmp_path / ".env").write_text("D=default")
    named = variables(tmp_path, ["one", "two"], COMPOSE, environ={"C": "3"})
    assert named == {"A": "1", "B": "2", "C": "3"}
    assert variables(tmp_path, [], COMPOSE, environ={}) == {"D": "default"}


def test_without_env_files_the_one_beside_the_first_compose_file_counts(tmp_path: Path) -> None:
    (tmp_path / "ops").mkdir()
    (tmp_path / ".env").write_text("A=root")
    (tmp_path / "ops" / ".env").write_text("A=ops")
    assert dotenv(["ops/compose.yml", "compose.yml"]) == "ops/.env"
    assert variables(tmp_path, [], ["ops/compose.yml", "compose.yml"], environ={}) == {"A": "ops"}
    assert variables(tmp_path, [], ["other/compose.yml"], environ={}) == {}


def test_what_a_release_brings_itself_counts_before_what_is_there(tmp_path: Path) -> None:
    (tmp_path / ".env.staging").write_text("A=today\nB=today")
    committed = {".env.staging": "A=then"}
    assert variables(tmp_path, [".env.staging"], COMPOSE, committed=committed, environ={}) == {"A": "then"}


def test_a_named_file_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.env\.staging: this environment file does not exist"):
        variables(tmp_path, [".env.staging"], COMPOSE, environ={})


def test_required_secrets_are_named_never_shown() -> None:
    require(["A"], {"A": "x"}, environment="staging")
    with pytest.raises(ConfigError) as failure:
        require(["A", "B", "C"], {"A": "hidden", "B": ""}, environment="staging")
    assert str(failure.value) == "windlass.yaml: environments.staging.secrets: these secrets are not set: B, C"
