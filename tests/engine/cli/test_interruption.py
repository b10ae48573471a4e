"""Stopped by hand, or too late: nothing half-published, nothing half-deployed, and the next run goes on."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.cli.installation import Installation
from windlass.git.repository import Repository
from windlass.state.git_ref import GitState
from windlass.state.interface import running_release
from windlass.waiting import wait_for


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation.create(tmp_path, f"windlass-test-{uuid.uuid4().hex[:8]}")
    yield made
    made.destroy()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_stopped_in_mid_build_publishes_nothing(installation: Installation, number: signal.Signals) -> None:
    one = installation
    one.write("web/Dockerfile", "FROM busybox:1\nRUN echo it has begun; while true; do :; done\n")
    one.commit("a build without end")
    child = subprocess.Popen(
        [sys.executable, "-m", "windlass", "run", "--progress", "json", "--json"],
        cwd=one.root,
        env=one.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    for line in child.stderr:  # until the endless step runs
        event = json.loads(line)
        if event["event"] == "service_log" and "it has begun" in event["line"]:
            break
    child.send_signal(number)
    child.communicate(timeout=180)
    assert child.returncode == 130
    repositories = one.windlass("registry", "ls", "--json").json["repositories"]
    assert not {"api", "web"} & {one["name"] for one in repositories}
    assert one.containers("production") == {}
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(one.folder) not in "\n".join(line for line in processes.splitlines() if "buildx" in line)
    assert not list((one.folder / "home/cache/contexts").iterdir())


@pytest.mark.needs("script")
def test_a_terminal_that_is_closed_interrupts_and_the_release_before_goes_on_serving(
    installation: Installation,
) -> None:
    one = installation
    one.run()
    before = one.containers("production")
    compose = (one.root / "compose.yml").read_text()
    one.write("compose.yml", compose.replace("test: [CMD, wget,", 'start_period: 300s, test: [CMD, "false",'))
    one.commit("never healthy, and not unhealthy for as long as this takes")
    state = GitState(Repository(one.root), None)
    words = shlex.join([sys.executable, "-m", "windlass", "run", "--progress", "terminal"])
    # Where these tests themselves run under nohup, the signal would be ignored, as it should be.
    terminal = subprocess.Popen(
        ["env", "--default-signal=HUP", "script", "--quiet", "--command", words, "/dev/null"],
        cwd=one.root,
        env={**one.env, "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    wait_for(lambda: state.records("production")[0].outcome, lambda outcome: outcome == "deploying", seconds=120)
    terminal.kill()
    terminal.wait()
    wait_for(lambda: state.records("production")[0].outcome, lambda outcome: outcome != "deploying", seconds=60)
    record = state.records("production")[0]
    assert record.outcome == "interrupted"
    assert record.reason == f"stopped by hand; {record.running} runs now"
    assert one.containers("production") == before
    one.write("compose.yml", compose)
    one.commit("well again")
    assert one.run()["outcome"] == "healthy"


def test_a_held_environment_is_left_alone_and_the_holder_named(installation: Installation) -> None:
    one = installation
    one.run()
    before = one.containers("production")
    state = GitState(Repository(one.root), None)
    release = running_release(state.records("production"))
    assert release is not None
    admitted = state.admit(release, "deploy", release.id)  # this test holds it now
    one.write("web/www/index.html", "web 2\n")
    one.commit("web")
    ran = one.windlass("run", "--json", "--progress", "quiet")
    assert ran.code == 6
    assert "is being changed by" in ran.json["error"]["message"]
    assert one.containers("production") == before
    state.settle(admitted, "healthy", running=release.id, reason="", evidence=None)
    assert one.run()["outcome"] == "healthy"


def test_the_environment_s_history_is_on_the_remote(installation: Installation, tmp_path: Path) -> None:
    one = installation
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "origin.git")], check=True)
    one.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    one.write("windlass.yaml", (one.root / "windlass.yaml").read_text() + "state: {remote: origin}\n")
    one.commit("state on the remote")
    report = one.run()
    other = tmp_path / "other"
    one.git("push", "-q", "origin", "main")
    subprocess.run(["git", "clone", "-q", "-b", "main", str(tmp_path / "origin.git"), str(other)], check=True)
    history = subprocess.run(
        [sys.executable, "-m", "windlass", "history", "production", "--json"],
        cwd=other,
        env=one.env,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    record = json.loads(history)["records"][0]
    assert (record["release"]["id"], record["outcome"]) == (report["release"], "healthy")
    (tmp_path / "origin.git").rename(tmp_path / "away.git")
    for words in (("diff", "production"), ("verify", "production"), ("status", "production")):
        assert "'origin' does not answer" in one.windlass(*words, "--json").json["stale"]
    assert "this is what was known last" in " ".join(one.windlass("diff", "production").out.split())
    said = " ".join(one.windlass("status").out.split())
    assert "staging what was deployed is not known here: the git remote 'origin' does not answer" in said
    assert f"production {report['release']}" in said
