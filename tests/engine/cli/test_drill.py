"""A drill on a real engine leaves the real environment as it was, and nothing of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.deploy.delivering import Subject
from tests.engine.deploy.remote_hosts import ssh_host


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


def begun(subject: Subject, line: str) -> subprocess.Popen[str]:
    """A drill that has come to a case whose line has these words."""
    process = subject.start("drill", "production", "--only", "never-ready")
    assert process.stderr is not None
    for told in process.stderr:
        if line in told:
            break
    return process


def test_a_drill_that_is_interrupted_takes_its_copy_away(subject: Subject) -> None:
    before = names(subject)
    process = begun(subject, "never gets")
    os.kill(process.pid, signal.SIGINT)
    assert process.stderr is not None
    for line in process.stderr:
        if "taking the copy away" in line:
            os.kill(process.pid, signal.SIGINT)
            break
    process.communicate(timeout=120)
    assert process.returncode == 130
    assert names(subject) == before


def test_what_a_killed_drill_left_goes_with_the_next_one_even_from_within_a_hook_of_git(subject: Subject) -> None:
    before, refs = names(subject), subject.git("for-each-ref")
    process = begun(subject, "never gets")
    process.kill()
    process.communicate(timeout=120)
    assert names(subject) > before
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_DIR", str(subject.root / ".git"))
        patch.setenv("GIT_WORK_TREE", str(subject.root))
        ran = subject.windlass("drill", "production", "--only", "held")
    assert ran.code == 0, ran.out + ran.err
    assert "removed what a drill that was killed had left" in ran.err
    assert names(subject) == before
    assert subject.git("for-each-ref") == refs
    assert subject.git("config", "user.name") == "Dev\n"


@pytest.mark.needs("sshd", "ssh", "ssh-keygen")
def test_an_environment_elsewhere_is_rehearsed_there(subject: Subject, tmp_path: Path) -> None:
    before, declared = names(subject), (subject.root / "windlass.yaml").read_text()
    with ssh_host(tmp_path / "host") as host:
        engine = json.dumps({"host": host.address, **host.keys})
        subject.write("windlass.yaml", declared.replace("  production:\n", f"  production:\n    engine: {engine}\n"))
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
                ran = subject.windlass("drill", "production", "--only", "no-image", "--json")
        finally:
            subject.write("windlass.yaml", declared)
    assert ran.code == 0, ran.out + ran.err
    assert host.address in ran.err.replace("\n", "").replace(" ", "")
    assert names(subject) == before


def test_an_unknown_case_is_refused(subject: Subject) -> None:
    ran = subject.windlass("drill", "production", "--only", "flood")
    assert ran.code == 64
    assert "flood" in ran.err
