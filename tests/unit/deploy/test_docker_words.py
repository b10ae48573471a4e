"""Names, logs, pull progress, refusals and the state file."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass.deploy.docker.engine import refusal
from windlass.deploy.docker.fence import Fence, Seen
from windlass.deploy.docker.logs import follow_command, parse_followed, parse_stamped
from windlass.deploy.docker.naming import compose_project
from windlass.deploy.docker.pull import LayerCount
from windlass.deploy.docker.up import compose_refusal, up_command
from windlass.deploy.interface import LogLine
from windlass.errors import Locked
from windlass.testing.clock import ManualClock


@pytest.mark.parametrize(
    ("project", "environment", "name"),
    [
        ("crank", "staging", "crank-staging"),
        ("Crank Platform", "QA/eu", "crank-platform-qa-eu"),
        ("_x", "y_", "x-y"),
        ("ä", "ö", "windlass"),
    ],
)
def test_a_compose_project_s_name_is_one_compose_accepts(project: str, environment: str, name: str) -> None:
    assert compose_project(project, environment) == name


def test_up_builds_and_pulls_nothing_and_reads_the_model_from_standard_input() -> None:
    command = up_command("crank-staging", Path("/home"))
    assert command[:2] == ["docker", "compose"]
    assert command[command.index("-f") + 1] == "-"
    assert {"--detach", "--no-build"} <= set(command)
    assert command[-2:] == ["--pull", "never"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["Error response from daemon: port is already allocated"], "port is already allocated"),
        (["dependency failed to start", " Container crank-web-1  Started", ""], ""),
        ([], ""),
        ([" Container crank-redis-1  Started", "canceled"], ""),
        (["Error response from daemon: port is already allocated", "context canceled"], "port is already allocated"),
        (
            ['service "web" refers to undefined network x: invalid compose project'],
            'service "web" refers to undefined network x: invalid compose project',
        ),
    ],
)
def test_what_compose_gives_as_its_reason(lines: list[str], reason: str) -> None:
    assert compose_refusal(lines) == reason


@pytest.mark.parametrize(
    ("stderr", "remedy"),
    [
        ("permission denied while trying to connect to the Docker daemon socket", "docker group"),
        ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", "start"),
        ("", "start"),
    ],
)
def test_an_engine_that_does_not_answer_comes_with_a_remedy(
    stderr: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    error = refusal(stderr)
    assert error.exit_code == 7 and error.remedy is not None and remedy in error.remedy


def test_where_a_variable_leads_to_no_engine_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nope.sock")
    error = refusal("Cannot connect to the Docker daemon at unix:///nope.sock. Is the docker daemon running?")
    assert error.remedy is not None and "DOCKER_HOST" in error.remedy and "unix:///nope.sock" in error.remedy


def test_layers_are_counted_while_an_image_is_pulled() -> None:
    count = LayerCount()
    lines = [
        "docker.io/library/busybox:1",
        "aaaaaaaaaaaa: Pulling fs layer",
        "bbbbbbbbbbbb: Already exists",
        "aaaaaaaaaaaa: Download complete",
        "aaaaaaaaaaaa: Pull complete",
        "Digest: sha256:…",
    ]
    assert [message for line in lines if (message := count.hear(line))] == [
        "pulling, 0 of 1 layers",
        "pulling, 1 of 2 layers",
        "pulling, 2 of 2 layers",
    ]


def test_log_lines_carry_their_service_and_time() -> None:
    lines = ["2030-01-01T00:00:00.1Z one", "2030-01-01T00:00:00.2Z ", "a line of the engine's own"]
    assert parse_stamped("web", lines) == [
        ("2030-01-01T00:00:00.1Z", LogLine("web", "one")),
        ("2030-01-01T00:00:00.2Z", LogLine("web", "")),
        ("2030-01-01T00:00:00.2Z", LogLine("web", "a line of the engine's own")),
    ]


def test_followed_lines_are_told_apart_by_service() -> None:
    assert parse_followed("doc-converter-1  | GET / | 200") == LogLine("doc-converter", "GET / | 200")
    assert parse_followed("\x1b[2Kweb-1  | \x1b[31mred") == LogLine("web", "\x1b[31mred")
    assert parse_followed("web-1  | ") == LogLine("web", "")
    assert parse_followed("no prefix") is None
    assert follow_command("crank-staging", ["web"], 10)[-1] == "web"


def test_the_state_file_refuses_a_late_change_and_remembers_the_rest(tmp_path: Path) -> None:
    fence = Fence(tmp_path / "environments" / "state.json")
    assert fence.read() == Seen()
    with fence.entered(5):
        fence.write(Seen(5, {"web": ("h1", "r1")}))
    with pytest.raises(Locked, match="number 5"), fence.entered(4):
        pass
    with fence.entered(5) as seen:
        assert (seen.release_of("web", "h1"), seen.release_of("web", "h2"), seen.release_of("x", "h1")) == (
            "r1",
            None,
            None,
        )
    assert fence.read().releases == {"web": ("h1", "r1")}


def test_a_second_change_at_the_same_time_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    with Fence(file).entered(1), pytest.raises(Locked, match="right now"), Fence(file).entered(2, clock=ManualClock()):
        pass


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"sequence": "x", "releases": {}}',
        '{"sequence": 1, "releases": {"a": [1]}}',
        '{"sequence": 1, "releases": 5}',
    ],
)
def test_a_damaged_state_file_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    assert Fence(tmp_path / "state.json").read() == Seen()
