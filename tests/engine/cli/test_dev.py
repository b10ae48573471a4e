"""`windlass dev` as a developer uses it, on a real engine and the embedded registry."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.engine.cli.installation import Installation
from windlass.waiting import wait_for

BRAIN = """\
  brain:
    image: busybox:1
    command: sleep 600
    stop_grace_period: 1s
    x-windlass: {heavy: true}
volumes: {data: {}}
"""


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation.create(tmp_path, f"windlass-test-{uuid.uuid4().hex[:8]}")
    made.git("checkout", "-q", "-b", "topic")  # no environment follows it: runs publish and deploy nothing
    compose = (made.root / "compose.yml").read_text()
    made.write("compose.yml", f"name: {made.project}-dev\n{compose}{BRAIN}")
    made.commit("a heavy service")
    yield made
    made.windlass("dev", "clean", "--volumes", "--yes")
    made.destroy()


def _says(one: Installation, service: str) -> str:
    with urlopen(f"http://localhost:{one.ports[service]}/", timeout=30) as answer:
        return str(answer.read().decode()).strip()


def _dev(one: Installation, *words: str, code: int = 0, **env: str) -> str:
    ran = one.windlass("dev", *words, **env)
    assert ran.code == code, ran.out + ran.err
    return ran.out + ran.err


def test_what_the_registry_lacks_is_built_and_a_release_is_selected_by_its_tag(installation: Installation) -> None:
    one = installation
    first = one.run()
    tag = first["services"][0]["tags"][0]
    one.write("api/www/index.html", "api 2\n")

    started = one.windlass("dev", "start", "--json", "--progress", "quiet").json
    assert {image["from"] for image in started["images"].values()} == {"checkout", "registry"}  # web is as published
    assert _says(one, "api") == "api 2"

    started = one.windlass("dev", "start", "--json", "--progress", "quiet", TAG=tag).json
    assert {image["from"] for image in started["images"].values()} == {"registry"}
    assert started["changed"] == ["api"]
    assert _says(one, "api") == "api 1"
    assert "passed" in _dev(one, "test")

    refused = _dev(one, "start", code=64, TAG="main-0000000")
    assert "no image tagged main-0000000" in refused and tag in refused
    assert _says(one, "api") == "api 1"


def test_a_day_with_the_script(installation: Installation) -> None:
    one = installation
    _dev(one, "setup", "--no-images")
    before = (one.root / "dev-local.sh").read_text()
    again = one.windlass("dev", "setup", "--no-images", "--json").json
    assert again["script"] == {"name": "dev-local.sh", "written": False} and again["images"] == {}
    assert (one.root / "dev-local.sh").read_text() == before

    assert "brain: it is heavy" in _dev(one, "start-min")
    status = one.windlass("dev", "status", "--json").json
    assert {row["name"]: row["health"] for row in status["services"]} == {"api": "healthy", "web": "running"}

    one.write("web/www/index.html", "web 2\n")
    updated = one.windlass("dev", "update", "--json", "--progress", "quiet").json
    assert updated["changed"] == ["web"] and "brain" not in {row["name"] for row in updated["services"]}
    assert _says(one, "web") == "web 2"

    seen = one.windlass("dev", "monitor", "--json").json
    assert all(row["usage"]["memory_bytes"] > 0 for row in seen["services"])
    restarted = one.windlass("dev", "restart", "web", "--json", "--progress", "quiet").json
    assert restarted["restarted"] == ["web"] and {row["name"] for row in restarted["services"]} == {"api", "web"}
    subprocess.run(["docker", "exec", f"{one.project}-dev-api-1", "sh", "-c", "echo hello >/proc/1/fd/1"], check=True)
    # The engine writes it down in its own time.
    wait_for(lambda: _dev(one, "logs", "--grep", "hel+o"), bool, seconds=30)
    assert _dev(one, "logs", "--grep", "hel+o").splitlines() == ["api  hello"]
    said = one.windlass("dev", "logs", "--grep", "hel+o", "--json").json
    assert said["lines"] == [{"service": "api", "text": "hello"}]

    assert one.windlass("dev", "stop", "api", "--json").json == {"stopped": ["api"]}
    failed = _dev(one, "test", code=10)
    assert "failed" in failed and "api" in failed

    updated = one.windlass("dev", "update", "--json", "--progress", "quiet").json
    assert [row["name"] for row in updated["services"]] == ["web"]  # which needs api
    _dev(one, "stop")
    one.write("web/www/index.html", "web 3\n")
    assert "nothing was started" in _dev(one, "update")
    status = one.windlass("dev", "status", "--json").json
    assert {row["name"]: row["health"] for row in status["services"]} == {"api": "exited", "web": "exited"}
    assert "data in volumes stays" in _dev(one, "clean")
    assert "nothing runs here" in _dev(one, "status")


def test_what_another_checkout_of_the_project_uses_stays_and_the_rest_is_cleaned(installation: Installation) -> None:
    one = installation
    _dev(one, "start-min")
    listed = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", f"windlass-dev/{one.project}/web"]
    image = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.strip()
    volume = ["docker", "volume", "create", "--label", f"com.docker.compose.project={one.project}-dev", one.project]
    subprocess.run(volume, capture_output=True, check=True)
    subprocess.run(["docker", "create", "--name", one.project, image], capture_output=True, check=True)
    try:
        cleaned = one.windlass("dev", "clean", "--volumes", "--yes", "--json").json
        assert (cleaned["containers"], cleaned["images"], cleaned["volumes"]) == (2, 1, 1)
        assert cleaned["kept"] == [image]
        said = " ".join(_dev(one, "clean").split())
        assert f"stays {image}: a container of another checkout is made from it" in said
    finally:
        subprocess.run(["docker", "rm", one.project], capture_output=True, check=True)
    assert one.windlass("dev", "clean", "--json").json["images"] == 1


def test_a_service_that_does_not_come_up_is_named_with_what_it_said(installation: Installation) -> None:
    one = installation
    one.write("web/Dockerfile", 'FROM busybox:1\nCMD ["sh", "-c", "echo the disk is on fire; exit 3"]\n')
    told = _dev(one, "start", code=10)
    assert "web is exited" in told and "the disk is on fire" in told
