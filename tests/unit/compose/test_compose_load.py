from __future__ import annotations

from pathlib import Path

import pytest

from windlass.compose import load as compose
from windlass.errors import ConfigError


def test_all_profiles_are_on_and_files_keep_their_order() -> None:
    argv = compose.config_command(
        [Path("/r/a.yml"), Path("/r/b.yml")], directory=Path("/r"), env_files=[Path("/r/.env.x")], project="shop"
    )
    assert argv == [
        "docker",
        "compose",
        "--profile",
        "*",
        "--project-directory",
        "/r",
        "-f",
        "/r/a.yml",
        "-f",
        "/r/b.yml",
        "--env-file",
        "/r/.env.x",
        "-p",
        "shop",
        "config",
    ]


def test_relative_paths_start_from_the_first_files_folder() -> None:
    assert compose.project_directory(["docker-compose.yml", "x/y.yml"]) == "."
    assert compose.project_directory(["deploy/compose/a.yml"]) == "deploy/compose"


def test_dollars_are_unescaped_everywhere() -> None:
    assert compose.unescape({"a": ["x$$y", {"b": "$$$$"}], "n": 3}) == {"a": ["x$y", {"b": "$$"}], "n": 3}


def test_missing_files_are_named_before_compose_is_asked(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("services: {}\n")
    (tmp_path / "folder").mkdir()
    for files, env_files, line in (
        (["b.yml"], [], "b.yml: this Compose file does not exist; write the path of one that exists"),
        (["folder"], [], "folder: this Compose file is a folder; write the path of one that exists"),
        (["a.yml"], [".env.x"], ".env.x: this env file does not exist; create it, or take it out of env_files"),
    ):
        with pytest.raises(ConfigError) as caught:
            compose.read(
                [tmp_path / name for name in files],
                directory=tmp_path,
                env_files=[tmp_path / name for name in env_files],
            )
        assert str(caught.value) == line


def test_a_loaded_model_does_not_show_its_values() -> None:
    assert "hunter2" not in repr(compose.Loaded({"services": {"a": {"environment": {"TOKEN": "hunter2"}}}}))
