"""The engine's mirrors, asked of its own socket."""

from __future__ import annotations

import json
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from windlass import process
from windlass.oci import mirrors

CONFIG = {"IndexConfigs": {"docker.io": {"Mirrors": ["http://127.0.0.1:5055/"], "Secure": True}}}


class _Engine(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"RegistryConfig": CONFIG}).encode() if self.path == "/info" else b"{}"
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "local"

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An engine on a socket; the client would say something else."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setattr(process, "run", lambda *_, **__: process.Completed((), 0, "{}", ""))
    with tempfile.TemporaryDirectory() as folder:  # pytest's own may be too long for a socket's path
        place = f"{folder}/docker.sock"
        monkeypatch.setattr(mirrors, "_SOCKET", place)
        with socketserver.ThreadingUnixStreamServer(place, _Engine) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            yield
            server.shutdown()
            thread.join()


@pytest.mark.usefixtures("engine")
def test_the_socket_tells_what_the_client_would() -> None:
    assert mirrors.engine_mirrors().of("docker.io") == ("http://127.0.0.1:5055/",)


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("name", ["DOCKER_HOST", "DOCKER_CONTEXT"])
def test_another_engine_is_left_to_the_client(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "ssh://elsewhere")
    assert mirrors.engine_mirrors().of("docker.io") == ()


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("settings", ['{"currentContext": "colima"}', "no JSON", "[]"])
def test_a_client_with_settings_of_its_own_is_asked(tmp_path: Path, settings: str) -> None:
    (tmp_path / "config.json").write_text(settings)
    assert mirrors.engine_mirrors().of("docker.io") == ()
