"""Looks by the engine's socket: what it says, and when the `docker` program is asked instead."""

from __future__ import annotations

import http.server
import json
import socketserver
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from windlass.deploy.docker import local


@contextmanager
def engine(answers: Mapping[str, tuple[int, str]], asked: list[str] | None = None) -> Iterator[str]:
    """A server on a Unix socket that gives these answers, by the path without its query."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if asked is not None:
                asked.append(self.path)
            status, text = answers.get(urlsplit(self.path).path, (404, "{}"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

        def address_string(self) -> str:
            return ""

    with tempfile.TemporaryDirectory() as folder:  # a socket's path must be short
        path = str(Path(folder) / "s")
        with socketserver.ThreadingUnixStreamServer(path, Handler) as server:
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield path
            finally:
                server.shutdown()
                thread.join()


def test_every_container_of_the_project_is_described() -> None:
    asked: list[str] = []
    answers = {
        "/containers/json": (200, '[{"Id": "a"}, {"Id": "b"}, {"Id": "gone"}]'),
        "/containers/a/json": (200, '{"Id": "a"}'),
        "/containers/b/json": (200, '{"Id": "b"}'),
    }
    with engine(answers, asked) as path:
        printed = local.containers(path, "crank-staging")
        assert local.inspected(path, ["b", "gone"]) == '[{"Id": "b"}]'
    assert printed is not None and json.loads(printed) == [{"Id": "a"}, {"Id": "b"}]
    query = parse_qs(urlsplit(asked[0]).query)
    assert query["all"] == ["1"]
    assert json.loads(query["filters"][0]) == {"label": ["com.docker.compose.project=crank-staging"]}


@pytest.mark.parametrize(
    "answer",
    [(500, '{"message": "no"}'), (403, ""), (404, ""), (200, "<html>"), (200, '{"a": 1}'), (200, '[{"b": 1}]')],
)
def test_an_answer_that_is_none_leaves_the_question_to_docker(answer: tuple[int, str]) -> None:
    with engine({"/containers/json": answer}) as path:
        assert local.containers(path, "crank") is None


def test_no_socket_leaves_the_question_to_docker(tmp_path: Path) -> None:
    assert local.containers(str(tmp_path / "none"), "crank") is None
    (tmp_path / "file").write_text("")
    assert local.containers(str(tmp_path / "file"), "crank") is None
