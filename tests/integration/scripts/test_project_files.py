"""Promises about files that no other test opens."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_lock_pins_everything_by_hash_and_names_no_index() -> None:
    text = (ROOT / "requirements/dev.txt").read_text()
    entries = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip())
    assert len(entries) > 20
    for entry in entries:
        assert re.match(r"[\w.-]+==\S+( ; [^\\\n]+)? \\\n {4}--hash=sha256:", entry), entry.splitlines()[0]
    assert "http" not in text and "index" not in text.replace("importlib", "")


def test_every_dependency_is_in_the_lock() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    locked = {name.lower() for name in re.findall(r"^([\w.-]+)==", (ROOT / "requirements/dev.txt").read_text(), re.M)}
    assert {re.split(r"[^\w.-]", name)[0].lower() for name in wanted} <= locked


def test_ci_runs_the_developers_script() -> None:
    assert 'exec "$(dirname "$0")/../script/test"' in (ROOT / ".ci/run").read_text()


def test_the_readme_begins_with_the_two_commands() -> None:
    first_screen = (ROOT / "README.md").read_text().splitlines()[:15]
    assert any(line.startswith("script/demo ") for line in first_screen)
    assert any(line.startswith("script/test ") for line in first_screen)


def test_no_line_of_the_example_mentions_a_secret_value() -> None:
    for path in (ROOT / "examples").rglob("*"):
        if path.is_file() and path.suffix in {".yml", ".yaml", ".py", ""} and "__pycache__" not in path.parts:
            assert not re.search(r"(?i)(token|password|secret)\w*\s*[:=]\s*[\"']?[0-9a-f]{16,}", path.read_text()), path
