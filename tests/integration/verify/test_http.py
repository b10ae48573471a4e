"""Real requests to servers on loopback: http, https, and every way not to answer."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.ports import free_port

from windlass.model.observation import Endpoint
from windlass.model.project import HealthCheck
from windlass.testing.http import Asked, answer, serving
from windlass.verify.api import parse_suite
from windlass.verify.http import send
from windlass.verify.probe import Request, Response, Unanswered
from windlass.verify.verify import verify
from windlass.waiting import Stop

pytestmark = pytest.mark.needs("openssl")


def ask(url: str, *, insecure: bool = False, timeout: float = 30.0, **headers: str) -> Response:
    return send(Request("GET", url, headers, None, insecure, timeout))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate with its key."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=localhost", "-days", "2", "-keyout", str(file), "-out", f"{file}.crt"]
    subprocess.run(command, check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


@contextmanager
def rude(reply: bytes | None) -> Iterator[int]:
    """A server that answers each connection with some bytes and hangs up; None keeps silent."""
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def work() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            held.append(connection)
            if reply is not None:
                connection.recv(1000)
                connection.sendall(reply)
                connection.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for connection in held:
            connection.close()


def echo(asked: Asked) -> Response:
    body = {"method": asked.method, "path": asked.path, "body": asked.body.decode(), "who": asked.headers.get("x-who")}
    return answer(200, body, Content_Type="application/json")


def test_method_path_headers_and_body_arrive() -> None:
    with serving(echo) as port:
        request = Request("POST", f"http://localhost:{port}/a?b=c", {"X-Who": "me"}, b"hello", False, 5.0)
        response = send(request)
    assert response.status == 200
    assert response.headers["content-type"] == "application/json"
    assert response.body == b'{"method": "POST", "path": "/a?b=c", "body": "hello", "who": "me"}'


def test_an_answer_that_never_ends_is_given_up() -> None:
    def stream(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):  # the client gives up, which is what is asked for
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            while not gone.wait(0.05):
                connection.sendall(b": still here\n\n")

    gone = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=lambda: stream(listener.accept()[0]), daemon=True)
        server.start()
        try:
            with pytest.raises(Unanswered, match="did not end within"):
                ask(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=3.0)
        finally:
            gone.set()
            server.join()


def test_redirects_are_not_followed() -> None:
    with serving(lambda asked: answer(302, "", Location="http://127.0.0.1:1/")) as port:
        assert ask(f"http://localhost:{port}/").status == 302


def test_a_self_signed_certificate_is_refused_unless_told(certificate: Path) -> None:
    with serving(echo, certificate=certificate) as port:
        with pytest.raises(Unanswered) as refused:
            ask(f"https://localhost:{port}/")
        assert refused.value.reason.startswith("certificate not trusted: self")
        assert refused.value.reason.endswith("; set insecure: true if it is self-signed on purpose")
        assert refused.value.final and refused.value.sent
        assert ask(f"https://localhost:{port}/", insecure=True).status == 200


def test_a_closed_port_refuses() -> None:
    with pytest.raises(Unanswered) as refused:
        ask(f"http://127.0.0.1:{free_port()}/")
    assert (refused.value.reason, refused.value.final, refused.value.sent) == ("connection refused", False, True)


@pytest.mark.parametrize(
    "reply", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", b"not http at all\r\n\r\n"]
)
def test_broken_answers_are_not_answers(reply: bytes) -> None:
    with rude(reply) as port, pytest.raises(Unanswered) as silence:
        ask(f"http://127.0.0.1:{port}/")
    assert silence.value.sent and not silence.value.final


def test_a_silent_server_ends_at_the_deadline() -> None:
    with rude(None) as port, pytest.raises(Unanswered, match="no answer within"):
        ask(f"http://127.0.0.1:{port}/", timeout=0.3)


def test_https_to_an_http_server_is_guessed() -> None:
    with serving(echo) as port, pytest.raises(Unanswered, match="is the scheme http"):
        ask(f"https://localhost:{port}/", insecure=True)


def test_http_to_an_https_server_is_no_answer(certificate: Path) -> None:
    with serving(echo, certificate=certificate) as port, pytest.raises(Unanswered):
        ask(f"http://localhost:{port}/")


def test_a_host_without_address_was_never_asked() -> None:
    with pytest.raises(Unanswered) as silence:
        ask("http://nobody.invalid:80/")
    assert not silence.value.sent


def test_a_header_that_cannot_be_written_was_never_sent() -> None:
    with serving(echo) as port, pytest.raises(Unanswered) as silence:
        ask(f"http://localhost:{port}/", Authorization="a\nb")
    assert silence.value.final and not silence.value.sent


def test_a_whole_verification_over_https(certificate: Path) -> None:
    tries = iter([503, 503])

    def respond(asked: Asked) -> Response:
        if asked.path == "/health/live":
            return answer(next(tries, 200))
        if asked.headers.get("authorization") != "Bearer s3cret":
            return answer(401)
        return answer(200, {"workers": [{"name": "converter"}]}, Content_Type="application/json; charset=utf-8")

    suite = parse_suite(
        b"""
cases:
  - {name: without token, service: web, scheme: https, insecure: true, path: /v1/workers, expect: {status: 401}}
  - name: with token
    service: web
    scheme: https
    insecure: true
    path: /v1/workers
    headers: {Authorization: "Bearer ${TOKEN}"}
    expect: {status: 200, json: {"workers[0].name": converter}, headers: {Content-Type: application/json}}
""",
        "api.yaml",
    )
    with serving(respond, certificate=certificate) as port:
        results = verify(
            lambda service, wanted: Endpoint("localhost", port),
            [HealthCheck("web", 8443, "/health/live", "https", insecure=True)],
            [suite],
            timeout=10,
            environ={"TOKEN": "s3cret"},
        )
    assert [(result.passed, result.attempts) for result in results] == [(True, 3), (True, 1), (True, 1)]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_request_that_waits_for_its_answer_is_cut_off_when_it_is_to_stop(scheme: str, certificate: Path) -> None:
    stop, entered, release = Stop(), threading.Event(), threading.Event()

    def respond(asked: Asked) -> Response:
        entered.set()
        release.wait(30)
        return answer(200)

    def stop_when() -> None:
        entered.wait(30)
        stop.set()

    with serving(respond, certificate=certificate if scheme == "https" else None) as port:
        threading.Thread(target=stop_when, daemon=True).start()
        with pytest.raises(Unanswered) as silence:
            send(Request("GET", f"{scheme}://localhost:{port}/", {}, None, scheme == "https", 60.0, stop))
        assert not release.is_set()  # it did not wait for the answer
        release.set()
    assert "60 s" not in silence.value.reason


def test_a_request_that_is_to_stop_before_it_is_sent_never_is() -> None:
    stop = Stop()
    stop.set()
    heard: list[Asked] = []

    def respond(asked: Asked) -> Response:
        heard.append(asked)
        return answer(200)

    with serving(respond) as port:
        with pytest.raises(Unanswered):
            send(Request("GET", f"http://localhost:{port}/", {}, None, False, 60.0, stop))
        assert ask(f"http://localhost:{port}/next").status == 200
    assert [one.path for one in heard] == ["/next"]
