"""ADD of a URL or of a git branch, judged by BuildKit: what they give is not in the Dockerfile, and changes behind it."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.ports import free_port

from windlass import process
from windlass.git.repository import Repository
from windlass.model.project import BuildSpec
from windlass.testing.buildkit import Judge
from windlass.testing.contracts.change_case import Case
from windlass.testing.decision import fingerprints
from windlass.waiting import wait_for


class _Pages(BaseHTTPRequestHandler):
    body = b"1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/file"
    server.shutdown()
    thread.join()
    server.server_close()


def _case(dockerfile: str) -> Case:
    return Case("download", {"Dockerfile": dockerfile}, {}, True, BuildSpec(".", "Dockerfile"))


def test_a_download_that_changes_changes_the_image_and_is_never_reused(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = _case(f"FROM scratch\nADD {address} /\n")
    judge = Judge(tmp_path, ("linux/amd64",))
    before = judge.digest(case, "before")
    monkeypatch.setattr(_Pages, "body", b"2")

    assert judge.digest(case, "after") != before
    assert [found and found.digest for found in fingerprints(case)] == [None, None]


def test_a_git_branch_that_moves_changes_the_image_and_is_never_reused(tmp_path: Path) -> None:
    library = tmp_path / "srv" / "library"
    process.run(["git", "init", "-q", "-b", "main", str(library)], check=True)
    repository = Repository(library)
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    (library / "code").write_text("1\n")
    repository.git("add", "code")
    repository.git(*identity, "commit", "-q", "-m", "start")
    pinned = repository.git("rev-parse", "HEAD").strip()
    port = free_port()
    # The command itself and not `git daemon`, which would leave it running when it is ended.
    daemon = f"{repository.git('--exec-path').strip()}/git-daemon"
    options = ["--export-all", f"--base-path={tmp_path / 'srv'}", "--listen=127.0.0.1", f"--port={port}"]
    served = subprocess.Popen([daemon, *options, str(tmp_path / "srv")], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: _answers(port), bool, seconds=60)
        moving = _case(f"FROM scratch\nADD git://127.0.0.1:{port}/library#main /x\n")
        fixed = _case(f"FROM scratch\nADD git://127.0.0.1:{port}/library#{pinned} /x\n")
        judge = Judge(tmp_path / "judge", ("linux/amd64",))
        before = judge.digest(moving, "before"), judge.digest(fixed, "before")
        (library / "code").write_text("2\n")
        repository.git(*identity, "commit", "-q", "-am", "more")
        after = judge.digest(moving, "after"), judge.digest(fixed, "after")
    finally:
        served.terminate()
        served.wait()

    assert before[0] != after[0]
    assert before[1] == after[1]
    assert [found and found.digest for found in fingerprints(moving)] == [None, None]
    assert all(found and found.digest for found in fingerprints(fixed))


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
