"""What works for whoever is on call while something is away: the registry, an engine."""

from __future__ import annotations

import http.server
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.engine.cli.installation import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation.create(tmp_path, f"windlass-test-{uuid.uuid4().hex[:8]}")
    yield made
    made.destroy()


@contextmanager
def taken(port: int) -> Iterator[None]:
    """Something else answers at the port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _two_releases(one: Installation) -> tuple[str, str]:
    first = one.run()["release"]
    one.write("web/www/index.html", "web 2\n")
    one.commit("web 2")
    return first, one.run()["release"]


def _page(one: Installation) -> str:
    with urlopen(f"http://localhost:{one.ports['web']}/", timeout=30) as answer:
        return str(answer.read().decode()).strip()


def test_a_rollback_needs_no_registry_where_nothing_is_lacking(installation: Installation) -> None:
    one = installation
    first, second = _two_releases(one)
    one.windlass("registry", "stop")
    with taken(one.ports["registry"]):
        ran = one.windlass("rollback", "production", "--progress", "quiet")
        assert ran.code == 7, ran.out + ran.err
        said = " ".join(ran.err.split())
        assert f"{first} serves production and is recorded, but its moving tags stayed behind" in said
        assert f"port {one.ports['registry']}" in said and f"windlass deploy production --release {first}" in said
        assert _page(one) == "web 1"
        config = (one.root / "windlass.yaml").read_text()
        one.write("windlass.yaml", config.replace('"main-{sha}", latest', '"main-{sha}"'))
        ran = one.windlass("rollback", "production", second, "--retry", "--json", "--progress", "quiet")
        assert (ran.code, ran.json["outcome"]) == (0, "healthy"), ran.err
        assert _page(one) == "web 2"
        one.write("windlass.yaml", config)
    back = one.windlass("rollback", "production", first, "--json", "--progress", "quiet")
    assert back.code == 0, back.err
    assert all("latest" in service["tags"] for service in back.json["services"])  # it is started to move them


def test_what_differs_is_told_without_a_registry_and_with_half_edited_files(installation: Installation) -> None:
    one = installation
    release = one.run()["release"]
    one.windlass("registry", "stop")
    with taken(one.ports["registry"]):
        one.write("windlass.yaml", "project: [")
        ran = one.windlass("diff", "production", "--exit-code", "--json")
        assert ran.code == 0, ran.out + ran.err
        assert (ran.json["release"], ran.json["drift"]) == (release, False)
        subprocess.run(
            ["docker", "rm", "--force", one.containers("production")["web"]], check=True, capture_output=True
        )
        ran = one.windlass("diff", "production", "--exit-code", "--json")
        assert ran.code == 2, ran.out + ran.err
        assert {row["service"]: row["action"] for row in ran.json["services"]} == {"api": "keep", "web": "create"}
    assert "last commit's" in " ".join(ran.err.split())


def test_an_engine_that_is_away_takes_nothing_from_other_environments(installation: Installation) -> None:
    one = installation
    release = one.run()["release"]
    config = (one.root / "windlass.yaml").read_text()
    one.write("windlass.yaml", config.replace("branch: develop", 'branch: develop\n    engine: "ssh://127.0.0.1:1"'))
    ran = one.windlass("status", "--json")
    assert ran.code == 7, ran.out + ran.err
    staging, production = ran.json["environments"]
    assert (production["release"], production["unknown"]) == (release, None)
    assert {row["health"] for row in production["services"]} <= {"healthy", "running"} and production["services"]
    assert staging["services"] == [] and "127.0.0.1" in staging["unknown"]["message"]
    assert one.windlass("status", "production").code == 0
