"""Compose is asked once for the hashes of a model."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from windlass.deploy.docker.hashing import Hashes


def test_what_was_noted_is_known_for_exactly_that_model(tmp_path: Path) -> None:
    hashes = Hashes(tmp_path / "own" / "hashes.json")
    assert hashes.of("{}") is None
    hashes.note("{}", {"web": "abc"})
    assert Hashes(tmp_path / "own" / "hashes.json").of("{}") == {"web": "abc"}
    assert hashes.of('{"services": {}}') is None


def test_nobody_else_may_read_it_and_no_model_is_in_it(tmp_path: Path) -> None:
    Hashes(tmp_path / "hashes.json").note('{"environment": "s3cret"}', {"web": "abc"})
    assert stat.S_IMODE((tmp_path / "hashes.json").stat().st_mode) == 0o600
    assert "s3cret" not in (tmp_path / "hashes.json").read_text()


def test_old_models_are_forgotten(tmp_path: Path) -> None:
    hashes = Hashes(tmp_path / "hashes.json")
    for number in range(50):
        hashes.note(str(number), {"web": str(number)})
    assert hashes.of("0") is None
    assert hashes.of("49") == {"web": "49"}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', '{"a": {"b": 1}}', "\0"])
def test_a_file_that_is_not_whole_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "hashes.json").write_text(text)
    hashes = Hashes(tmp_path / "hashes.json")
    assert hashes.of("{}") is None
    hashes.note("{}", {"web": "abc"})
    assert hashes.of("{}") == {"web": "abc"}
