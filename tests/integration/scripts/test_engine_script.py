"""`script/engine` and `script/base-images`: what they decide, with stand-ins for the programs they ask."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from windlass import process

SCRIPTS = Path(__file__).parents[3] / "script"

DOCKER = """#!/bin/sh
echo "$*" >>"$(dirname "$0")/asked"
case "$1" in
  buildx | compose) [ -n "$PLUGINS" ] ;;
  version) [ -n "$DAEMON" ] && echo 27.0.1 ;;
  pull) [ -n "$HUB" ] ;;
  *) exit 1 ;;
esac
"""


class Machine:
    """A machine with these programs on PATH before its own, and nothing of Windlass's engine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = folder / "bin"
        self.programs.mkdir()
        self.environment = {
            "PATH": f"{self.programs}:/usr/bin:/bin",
            "HOME": str(folder),
            "DOCKER_HOST": "",
            "WINDLASS_ENGINE_PREFIX": str(folder / "prefix"),
            "WINDLASS_ENGINE_STATE": str(folder / "state"),
            "WINDLASS_ENGINE_SOCKET": str(folder / "docker.sock"),
            "WINDLASS_MIRROR_PORT": "9",  # discard: nothing answers there
        }

    def add(self, name: str, text: str) -> None:
        program = self.programs / name
        program.write_text(text)
        program.chmod(0o755)

    def run(self, script: str, *words: str, **environment: str) -> process.Completed:
        return process.run([str(SCRIPTS / script), *words], env={**self.environment, **environment}, timeout=180)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    machine.add("id", "#!/bin/sh\necho 1000\n")  # nobody in these tests may install anything
    machine.add("docker", DOCKER)
    return machine


def test_a_docker_that_is_there_is_used_as_it_is(machine: Machine) -> None:
    done = machine.run("engine", PLUGINS="yes", DAEMON="yes")
    assert done.ok, done.stderr
    assert done.stdout == f"engine: Docker 27.0.1, client {machine.programs}/docker\n"
    assert sorted(path.name for path in machine.folder.iterdir()) == ["bin"]


@pytest.mark.parametrize(
    ("there", "said"),
    [({"DAEMON": "yes"}, "no docker client with buildx and compose"), ({"PLUGINS": "yes"}, "no daemon answers")],
)
def test_the_status_says_what_is_missing(machine: Machine, there: dict[str, str], said: str) -> None:
    done = machine.run("engine", "--status", **there)
    assert (done.code, done.stdout) == (7, f"engine: {said}\n")


def test_without_the_right_to_install_it_says_what_to_do(machine: Machine) -> None:
    done = machine.run("engine")
    assert done.code == 7
    assert "only as root on Debian" in done.stderr
    assert "Install Docker with its buildx and compose plugins" in done.stderr


def test_the_environment_names_what_is_not_found_by_itself(machine: Machine) -> None:
    own = machine.folder / "prefix/usr/bin"
    own.mkdir(parents=True)
    (machine.programs / "docker").rename(own / "docker")
    done = machine.run("engine", "--env", PLUGINS="yes")
    assert done.stdout.splitlines() == [
        f"export PATH={own}:$PATH",
        f"export DOCKER_HOST=unix://{machine.folder}/docker.sock",
    ]


def test_there_is_nothing_of_ours_to_stop(machine: Machine) -> None:
    state = machine.folder / "state"
    state.mkdir()
    (state / "dockerd.pid").write_text(str(os.getpid()))  # another program has that number by now
    done = machine.run("engine", "--stop")
    assert (done.code, done.stdout) == (0, "engine: none of ours is running\n")


def test_test_programs_without_go_are_named_and_left_out(machine: Machine) -> None:
    said = machine.run("test-programs", "--status")
    assert (said.code, said.stdout) == (7, "test-programs: missing: conformance oras crane \n")


def test_base_images_that_the_engine_can_pull_are_not_made(machine: Machine) -> None:
    done = machine.run("base-images", PLUGINS="yes", DAEMON="yes", HUB="yes")
    assert (done.code, done.stdout) == (0, "base-images: the engine pulls them itself\n")


def test_base_images_that_cannot_be_had_are_named(machine: Machine) -> None:
    done = machine.run("base-images", "--status", PLUGINS="yes", DAEMON="yes")
    assert done.code == 7
    assert done.stdout == "base-images: missing: busybox:1, debian:bookworm-slim, python:3.12-slim, haproxy:lts\n"


@pytest.mark.parametrize("script", ["base-images", "demo", "engine", "lock", "python", "test", "test-programs"])
def test_scripts_explain_themselves_and_refuse_what_they_do_not_know(machine: Machine, script: str) -> None:
    asked = machine.run(script, "--help")
    assert asked.code == 0
    assert f"script/{script}" in asked.stdout
    wrong = machine.run(script, "--no-such-thing")
    assert wrong.code == 64
    assert not (machine.programs / "asked").exists() or "pull" not in (machine.programs / "asked").read_text()
