"""Copies of a release's files, made from a real repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass import process
from windlass.deploy.docker.mounts import Source, decide, provide
from windlass.git.repository import Repository
from windlass.model.events import silent


def provided(repository: Repository, tree: str, home: Path, environment: str, *, writable: bool) -> Path:
    source = Source("/tree/app.conf", "app.conf", writable, creatable=True, user="services.web.volumes")
    decision = decide(source, repository.entry(tree, "app.conf"), substantial=False, in_checkout=True)
    own = home / "environments" / environment
    return Path(provide(decision, repository, tree, home=home, own=own, emit=silent))


def test_a_file_that_containers_may_write_to_is_shared_with_no_other_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{name}_NAME", "Test")
        monkeypatch.setenv(f"{name}_EMAIL", "test@example.org")
    root = tmp_path / "repository"
    root.mkdir()
    process.run(["git", "init", "--quiet"], cwd=root, check=True)
    (root / "app.conf").write_text("committed")
    repository = Repository(root)
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "-m", "a file")
    tree, home = repository.snapshot("HEAD").tree, tmp_path / "home"

    staging = provided(repository, tree, home, "staging", writable=True)
    staging.write_text("written by a container")
    production = provided(repository, tree, home, "production", writable=True)
    assert production.read_text() == "committed"
    for environment in ("staging", "production"):
        assert provided(repository, tree, home, environment, writable=False).read_text() == "committed"
