"""Compose's answer is kept only where nothing of the environment is in it, and counts only for the very same question."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from windlass.compose import known
from windlass.compose.known import Question
from windlass.paths import cache_dir

TEXT = "services: {app: {build: {context: ./app, args: {STAGE: production}}, environment: {TOKEN: '${TOKEN}'}}}"


class Place:
    """A folder with a Compose file, and what Compose would say of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "compose.yaml"
        self.file.write_text(TEXT)

    def ask(self, **options: Any) -> Question:
        wanted = {"files": [self.file], "directory": self.folder, "project": "shop", "dotenv": self.folder / ".env"}
        return Question(**{**wanted, **options})

    @property
    def model(self) -> dict[str, Any]:
        build = {"context": f"{self.folder}/app", "args": {"STAGE": "production"}}
        return {"services": {"app": {"build": build, "environment": {"TOKEN": "hunter2"}}}, "networks": {}}

    def kept(self) -> bool:
        self.ask().remember(self.model)
        return self.ask().recall() is not None


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    program = tmp_path / "docker-compose"
    program.write_text("one version")
    monkeypatch.setattr(known, "plugin", lambda: str(program))
    monkeypatch.setenv("TOKEN", "hunter2")
    (tmp_path / "checkout").mkdir()
    return Place(tmp_path / "checkout")


def test_the_same_question_has_the_same_answer_wherever_the_files_are(place: Place, tmp_path: Path) -> None:
    place.ask().remember(place.model)
    (tmp_path / "elsewhere").mkdir()
    other = Place(tmp_path / "elsewhere")
    assert other.ask().recall() == {
        "services": {"app": {"build": other.model["services"]["app"]["build"]}},
        "secrets": {},
    }


def test_no_value_of_the_environment_is_kept(place: Place) -> None:
    assert place.kept()
    assert not [file for file in (cache_dir() / "compose").iterdir() if "hunter2" in file.read_text()]


def test_every_input_of_compose_is_part_of_the_question(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert place.kept()
    assert place.ask(project="other").recall() is None
    with monkeypatch.context() as changed:
        changed.setenv("TOKEN", "another")
        assert place.ask().recall() is None
    with monkeypatch.context() as changed:
        changed.delenv("TOKEN")
        assert place.ask().recall() is None
    with monkeypatch.context() as changed:
        changed.setenv("COMPOSE_CONVERT_WINDOWS_PATHS", "1")
        assert place.ask().recall() is None
    (place.folder / ".env").write_text("TOKEN=x")
    assert place.ask().recall() is None
    (place.folder / ".env").unlink()
    place.file.write_text(TEXT + "\n")
    assert place.ask().recall() is None
    place.file.write_text(TEXT)
    assert place.ask().recall() is not None
    (place.folder.parent / "docker-compose").write_text("another version")
    assert place.ask().recall() is None


@pytest.mark.parametrize(
    "text",
    [
        "services: {app: {build: {context: ., args: {TOKEN: '${TOKEN}'}}}}",
        "services: {app: {build: {context: ., args: {TOKEN: }}}}",
        "services: {app: {build: {context: ., args: [TOKEN]}}}",
        "services: {app: {build: ., image: 'app:$TAG'}}",
        "services: {app: {build: ., ports: ['${PORT:-80}:80']}}",
        "services: {app: {build: ., healthcheck: {test: curl}, environment: {TOKEN: '${TOKEN}'}}}",
        "services: {app: {build: ., healthcheck: {test: curl}, environment: [TOKEN]}}",
        "services: {app: {build: .}}\nsecrets: {token: {file: '${HOME}/token'}}",
        "services: {app: {build: ., env_file: a.env}}",
        "services: {app: {extends: {file: b.yml, service: c}}}",
        "include: [b.yml]\nservices: {app: {build: .}}",
        "x-app: &app {build: {context: ., args: {A: $A}}}\nservices: {app: *app}",
        "services: {app: {build: !custom .}}",
        "services: [",
    ],
)
def test_what_hangs_on_more_than_the_file_is_not_kept(place: Place, text: str) -> None:
    place.file.write_text(text)
    assert not place.kept()


def test_a_path_beside_the_folder_is_not_kept(place: Place) -> None:
    model = place.model
    model["services"]["app"]["build"]["context"] = f"{place.folder.parent}/other"
    place.ask().remember(model)
    assert place.ask().recall() is None


def test_without_the_plugin_nothing_is_kept(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "plugin", lambda: None)
    assert not place.kept()


def test_what_was_kept_badly_is_not_known(place: Place) -> None:
    assert place.kept()
    for file in (cache_dir() / "compose").iterdir():
        file.write_text(json.dumps(place.model)[:-5])
    assert place.ask().recall() is None
