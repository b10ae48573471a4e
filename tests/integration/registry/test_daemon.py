"""Started when nothing answers, once, recognised, stopped; and clear words when it cannot be."""

from __future__ import annotations

import http.server
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.registry.serving import Server, free_port
from windlass.errors import ExitCode, RegistryUnavailable
from windlass.process import run
from windlass.registry.server.daemon import ensure_running, probe, stop
from windlass.registry.server.listen import Listen
from windlass.registry.server.storage.root_lock import holder
from windlass.waiting import wait_for

pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")

_SEVERAL = """
import sys, threading
from pathlib import Path
from windlass.registry.server.daemon import ensure_running
ensure_running(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[str, Path, Path]]:
    root = tmp_path / "root"
    yield f"localhost:{free_port()}", root, tmp_path / "registry.log"
    stop(root)


def address(host: str) -> Listen:
    return Listen("127.0.0.1", int(host.partition(":")[2]))


def test_it_starts_once_is_recognised_and_stops(place: tuple[str, Path, Path]) -> None:
    host, root, log = place
    ensure_running(host, root, log)
    first = holder(root)
    assert first is not None
    ensure_running(host, root, log)
    assert holder(root) == first
    assert probe(address(host)).kind == "windlass"
    assert stop(root)
    assert probe(address(host)).kind == "nobody"
    assert not stop(root)


def test_it_comes_back_after_being_killed(place: tuple[str, Path, Path]) -> None:
    host, root, log = place
    ensure_running(host, root, log)
    found = holder(root)
    assert found is not None
    os.kill(found.pid, signal.SIGKILL)
    wait_for(lambda: holder(root), lambda seen: seen is None, seconds=60, every=0.02)
    ensure_running(host, root, log)
    assert probe(address(host)).kind == "windlass"


def test_several_processes_starting_it_at_once_end_with_one_server(place: tuple[str, Path, Path]) -> None:
    host, root, log = place
    failures: list[str] = []

    def start() -> None:
        done = run([sys.executable, "-c", _SEVERAL, host, str(root), str(log)], timeout=180)
        if not done.ok:
            failures.append(done.stderr)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert log.read_text().count("serving") == 1
    assert probe(address(host)).kind == "windlass"


class _Somebody(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_another_web_server_on_the_port_is_named(tmp_path: Path) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Somebody) as other:
        thread = threading.Thread(target=other.serve_forever, daemon=True)
        thread.start()
        with pytest.raises(RegistryUnavailable, match="taken by something else: HTTP 200") as caught:
            ensure_running(f"localhost:{other.server_port}", tmp_path / "root", tmp_path / "log")
        other.shutdown()
        thread.join()
    assert caught.value.remedy
    assert not (tmp_path / "log").exists()


def test_something_that_is_not_a_web_server_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def hang_up() -> None:
            other.accept()[0].close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        with pytest.raises(RegistryUnavailable, match="no HTTP answer"):
            ensure_running(f"localhost:{other.getsockname()[1]}", tmp_path / "root", tmp_path / "log")
        thread.join()


def test_a_root_that_is_served_elsewhere_is_an_error_with_the_servers_words(server: Server, tmp_path: Path) -> None:
    with pytest.raises(RegistryUnavailable, match=f"already served by process .* on 127.0.0.1:{server.port}"):
        ensure_running(f"localhost:{free_port()}", server.root, tmp_path / "log")


def test_a_root_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RegistryUnavailable, match="cannot write") as caught:
        ensure_running(f"localhost:{free_port()}", tmp_path / "file" / "root", tmp_path / "log")
    assert caught.value.remedy


@pytest.mark.parametrize("host", ["", "localhost", "localhost:x", "registry.example:443", "0.0.0.0:5077"])
def test_a_host_that_is_not_loopback_is_refused(host: str, tmp_path: Path) -> None:
    with pytest.raises(RegistryUnavailable):
        ensure_running(host, tmp_path / "root", tmp_path / "log")


def foreground(*arguments: str) -> tuple[int, str]:
    done = run([sys.executable, "-m", "windlass.registry.server", *arguments], timeout=180)
    return done.code, done.stderr


def test_the_foreground_server_refuses_the_world(tmp_path: Path) -> None:
    code, said = foreground("--listen", f"0.0.0.0:{free_port()}", "--root", str(tmp_path / "root"))
    assert code == ExitCode.USAGE
    assert "neither TLS nor users" in said
    assert "--open-to-everyone" in said


def test_a_second_server_on_the_port_is_refused(server: Server, tmp_path: Path) -> None:
    code, said = foreground("--listen", f"127.0.0.1:{server.port}", "--root", str(tmp_path / "other"))
    assert code == ExitCode.UNUSABLE
    assert "cannot listen" in said
    assert "Traceback" not in said


def test_a_second_server_on_the_root_is_refused(server: Server) -> None:
    code, said = foreground("--listen", f"127.0.0.1:{free_port()}", "--root", str(server.root))
    assert code == ExitCode.LOCKED
    assert "already served" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_also_while_an_upload_hangs(server: Server, number: signal.Signals) -> None:
    where = server.begin("a")
    with server.connect() as connection:
        connection.sendall(f"PATCH {where} HTTP/1.1\r\nhost: x\r\ncontent-length: 9999\r\n\r\nsome".encode())
        assert server.end(number) == 0
