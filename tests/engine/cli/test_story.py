"""The main job on a real engine, through the command line."""

from __future__ import annotations

import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.cli.installation import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation.create(tmp_path, f"windlass-test-{uuid.uuid4().hex[:8]}")
    yield made
    made.destroy()


def page(port: int, path: str = "/") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return str(answer.read().decode()).strip()


def built(report: Any) -> list[str]:
    return sorted(service["name"] for service in report["services"] if service["built"])


def test_from_a_commit_to_production_and_back(installation: Installation) -> None:
    one = installation
    first = one.run()
    assert first["outcome"] == "healthy"
    assert first["environment"] == "production"
    assert built(first) == ["api", "web"]
    assert first["not_scanned"]
    assert page(one.ports["api"]) == "api 1"
    before = one.containers("production")

    # The same commit again: nothing is built, uploaded or restarted.
    again = one.run()
    assert (again["outcome"], again["changed"], built(again)) == ("healthy", False, [])
    assert {stage["name"]: stage["outcome"] for stage in again["stages"]}["build"] == "unchanged"
    assert one.containers("production") == before

    # One file of one service: that service alone.
    one.write("web/www/index.html", "web 2\n")
    one.commit("web")
    report = one.run()
    assert built(report) == ["web"]
    after = one.containers("production")
    assert after["api"] == before["api"]
    assert after["web"] != before["web"]
    assert page(one.ports["web"]) == "web 2"

    # The shared library: exactly its users.
    one.write("lib/shared.txt", "shared, changed\n")
    one.commit("library")
    assert built(one.run()) == ["api"]

    # Tests alone: run, nothing built.
    one.write("api/tests/check.sh", "grep -q api /www/index.html && test -d /www\n")
    one.commit("tests")
    report = one.run()
    assert built(report) == []

    # A file that is only mounted: its service restarts, nothing is built.
    before = one.containers("production")
    one.write("motd/today.txt", "good morning\n")
    good = one.commit("motd")
    assert built(one.run()) == []
    after = one.containers("production")
    assert after["api"] != before["api"]
    assert after["web"] == before["web"]

    # A release whose health check never passes: the previous one serves, and what was said is kept.
    (one.root / "api/www/health").unlink()
    bad = one.commit("no health")
    report = one.run(code=4)
    assert report["outcome"] == "restored"
    assert report["running"] == f"main-{good[:7]}"
    assert page(one.ports["api"], "/health") == "ok"
    assert list(Path(report["evidence"]).glob("api.log"))
    status = one.windlass("status", "production", "--json").json["environments"][0]
    assert (status["release"], status["outcome"]) == (f"main-{good[:7]}", "restored")
    assert {service["health"] for service in status["services"]} <= {"healthy", "running"}

    # Back, and further back; nothing is built.
    ran = one.windlass("rollback", "production", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["outcome"] == "healthy"
    records = one.windlass("history", "production", "--json").json["records"]
    assert records[0]["kind"] == "rollback"
    assert bad[:7] in records[1]["release"]["id"]
    ran = one.windlass("rollback", "production", first["release"], "--json")
    assert ran.json["running"] == first["release"]
    assert page(one.ports["web"]) == "web 1"


def test_two_environments_and_a_promotion(installation: Installation) -> None:
    one = installation
    one.git("switch", "-q", "-c", "develop")
    staging = one.run()
    assert staging["environment"] == "staging"
    assert staging["services"][0]["tags"] == [f"develop-{staging['commit'][:7]}"]
    ran = one.windlass("promote", "staging", "production", "--json")
    assert ran.code == 0, ran.err
    assert {s["name"]: s["digest"] for s in ran.json["services"]} == {
        s["name"]: s["digest"] for s in staging["services"]
    }
    assert page(one.ports["api"]) == page(one.ports["api2"]) == "api 1"
    assert set(one.containers("staging").values()).isdisjoint(one.containers("production").values())
    tags = one.windlass("registry", "tags", "api", "--json").json["tags"]
    short = staging["commit"][:7]
    assert {tag["tag"] for tag in tags} >= {f"develop-{short}", f"main-{short}", "latest"}


def test_a_failing_unit_test_stops_the_release(installation: Installation) -> None:
    installation.write("api/tests/check.sh", "echo three is not four; exit 1\n")
    installation.commit("broken test")
    report = installation.run(code=8)
    assert report["outcome"] == "failed"
    assert any("three is not four" in line for line in report["failures"][0]["log"])
    assert installation.containers("production") == {}


def test_a_service_that_cannot_build_does_not_hide_the_others(installation: Installation) -> None:
    installation.write("web/Dockerfile", "FROM busybox:1\nRUN echo no such package; exit 3\n")
    installation.commit("broken build")
    stopped = installation.run(code=8)
    assert built(stopped) == ["api"]
    assert installation.containers("production") == {}
    report = installation.run("--keep-going", code=8)
    assert report["outcome"] == "healthy"
    assert [one["service"] for one in report["excluded"]] == ["web"]
    assert "no such package" in "\n".join(report["failures"][0]["log"])
    assert list(installation.containers("production")) == ["api"]


def test_a_saved_plan_is_executed_as_it_stands(installation: Installation) -> None:
    one = installation
    planned = one.windlass("plan", "--env", "staging", "--save", "plan.json", "--exit-code", "--json")
    assert planned.code == 2
    one.write("web/www/index.html", "after the plan\n")
    report = one.run("--plan", "plan.json")
    assert {s["name"] for s in report["services"]} == {s["name"] for s in planned.json["services"]}
    assert report["environment"] == "staging"
    assert page(one.ports["web2"]) == "web 1"


def test_no_line_of_any_command_is_wider_than_the_terminal(installation: Installation) -> None:
    one = installation
    commands = [
        ["init", "--force"],
        ["run", "--progress", "plain"],
        ["plan"],
        ["why", "api"],
        ["status"],
        ["history", "production"],
        ["diff", "production"],
        ["verify", "production"],
        ["doctor"],
        ["registry", "ls"],
        ["registry", "tags", "api"],
        ["secrets", "check"],
        ["frobnicate"],
        ["plan", "--nonsense"],
        ["rollback", "production", "no-such-release"],
    ]
    wide = {}
    for command in commands:
        ran = one.windlass(*command)
        assert "Traceback" not in ran.err, ran.err
        lines = (ran.out + "\n" + ran.err).splitlines()
        assert any(line.strip() for line in lines), command
        if command[0] == "init":  # it calls the project by its folder; what goes up is to be found and taken down again
            config = (one.root / "windlass.yaml").read_text()
            assert "project: checkout\n" in config
            one.write("windlass.yaml", config.replace("project: checkout\n", f"project: {one.project}\n"))
        wide[" ".join(command)] = [line for line in lines if len(line) > 80]
    assert {command: lines for command, lines in wide.items() if lines} == {}
