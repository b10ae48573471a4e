"""A drill on a real engine leaves the real environment as it was, and nothing of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from collections.abc import Iterator

import pytest

from tests.engine.deploy.delivering import Subject


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    made = Subject.create(tmp_path_factory.mktemp("drill"), f"windlass-test-{uuid.uuid4().hex[:8]}")
    try:
        made.run()
        yield made
    finally:
        made.clean()


def names(subject: Subject) -> set[str]:
    """Every container and network of the subject and of copies of it."""
    found: set[str] = set()
    for words in (["ps", "-a", "--format", "{{.Names}}"], ["network", "ls", "--format", "{{.Name}}"]):
        printed = subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout
        found |= {name for name in printed.splitlines() if name.startswith(subject.project)}
    return found


def test_bad_releases_are_rehearsed_on_a_copy(subject: Subject) -> None:
    before, refs = names(subject), subject.git("for-each-ref")
    ran = subject.windlass("drill", "production", "--only", "no-image", "--only", "held", "--only", "killed", "--json")
    assert ran.code == 0, ran.out + ran.err
    assert {case["name"]: case["verdict"] for case in ran.json["cases"]} == dict.fromkeys(
        ("no-image", "killed", "held"), "as it should be"
    )
    assert names(subject) == before
    assert subject.git("for-each-ref") == refs


def test_a_drill_that_is_interrupted_takes_its_copy_away(subject: Subject) -> None:
    before = names(subject)
    process = subject.start("drill", "production", "--only", "never-ready")
    assert process.stderr is not None
    for line in process.stderr:
        if "never gets" in line:
            break
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    assert names(subject) == before


def test_an_unknown_case_is_refused(subject: Subject) -> None:
    ran = subject.windlass("drill", "production", "--only", "flood")
    assert ran.code == 64
    assert "flood" in ran.err
