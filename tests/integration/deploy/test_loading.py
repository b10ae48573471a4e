"""Compose files of a release, as Docker Compose loads them; no engine is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass import process
from windlass.deploy.docker.loading import load_release
from windlass.deploy.docker.mounts import refuse_elsewhere, sources
from windlass.errors import ConfigError
from windlass.git.repository import Repository
from windlass.model.release import Release

COMPOSE = """
services:
  web: {image: "busybox:1", volumes: ["../data:/data", "/srv/kept:/kept"]}
"""


@pytest.mark.parametrize("edited", [False, True], ids=["the release's own checkout", "another checkout"])
def test_a_relative_path_is_not_taken_for_one_of_the_engine_s_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edited: bool
) -> None:
    for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{name}_NAME", "Test")
        monkeypatch.setenv(f"{name}_EMAIL", "test@example.org")
    root = tmp_path / "repository"
    root.mkdir()
    process.run(["git", "init", "--quiet"], cwd=root, check=True)
    (root / "compose.yml").write_text(COMPOSE)
    repository = Repository(root)
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "-m", "a release")
    release = Release(
        "r1", "staging", "c" * 40, repository.snapshot("HEAD").tree, ("compose.yml",), (), "2030-01-01T00:00:00Z"
    )
    if edited:
        (root / "compose.yml").write_text("services: {}\n")

    loaded = load_release(repository, release, env_files=(), project="windlass-test", apart=True)
    found = sources(loaded.model, ("web",), loaded.root, loaded.base)
    assert {source.relative for source in found} == {"../data", None}
    with pytest.raises(ConfigError, match=r"\.\./data \(services\.web\.volumes\): not mounted"):
        refuse_elsewhere(found, "ssh://elsewhere")
