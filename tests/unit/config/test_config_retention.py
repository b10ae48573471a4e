"""What is kept: the usual unless the file says otherwise; nothing that could mean "everything" gets through."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass.config import load
from windlass.config.models import ProjectSection
from windlass.config.problems import validate
from windlass.config.yaml import read
from windlass.errors import ConfigError
from windlass.model.retention import DAY, USUAL, RetentionPolicy


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "windlass.yaml"


def policy(file: Path, text: str) -> RetentionPolicy:
    file.write_text(f"project: shop\n{text}\n")
    document = read(file, "windlass.yaml")
    return load._retention(validate(ProjectSection, document.value, document).retention)


def test_without_a_section_the_usual_is_kept(file: Path) -> None:
    assert policy(file, "") == policy(file, "retention: {}") == policy(file, "retention:") == USUAL
    assert USUAL.keep == 10


def test_every_key_counts(file: Path) -> None:
    text = 'retention: {keep: 4, branches: {main: 9, "feature/*": 1}, older_than: 7d, idle: never, rollback: 3, cache: 2d, tests: 1d}'
    assert policy(file, text) == RetentionPolicy(4, (("main", 9), ("feature/*", 1)), 7 * DAY, None, 3, 2 * DAY, DAY)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("keep: 0", "from 1 to"),
        ("keep: -1", "from 1 to"),
        ("keep: true", "from 1 to"),
        ("keep: 1.5", "from 1 to"),
        ("rollback: 0", "from 1 to"),
        ("branches: {main: 0}", "from 1 to"),
        ("branches: {'a b': 1}", "branches as keys"),
        ("branches: 5", "mapping"),
        ("older_than: 999999d", "within a year"),
        ("older_than: 0d", "above 0s"),
        ("older_than: 30", "duration such as 30d"),
        ("older_than: -5d", "duration"),
        ("idle: 0d", "or never"),
        ("cache: never", "duration"),
        ("keeep: 3", "keep"),
    ],
)
def test_what_it_cannot_mean_is_refused_where_it_stands(file: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        policy(file, f"retention: {{{text}}}")
    assert said in str(refused.value)
    assert "retention" in str(refused.value)
