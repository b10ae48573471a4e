"""Real sockets: what urllib3 makes of broken servers, and what is made of urllib3's exceptions."""

from __future__ import annotations

import base64
import json
import os
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.ports import free_port

from windlass.errors import CredentialsMissing, RegistryUnavailable
from windlass.model.secret import Secret
from windlass.oci import digest as digests
from windlass.oci.client import RegistryClient
from windlass.oci.credentials import Credential, DockerCredentials, Fixed, basic
from windlass.oci.faults import NotFound
from windlass.oci.layout import Layout
from windlass.oci.manifest import Descriptor
from windlass.oci.push import push
from windlass.oci.session import Patience
from windlass.oci.upload import bytes_source
from windlass.testing.images import make_image
from windlass.testing.registry import AZURE_TOKEN, REFRESH_TOKEN, FakeRegistry

QUICK = Patience(total=1.0, refused=0.2, first=0.01, longest=0.05)
DATA = bytes(range(256)) * 40_000
BLOB = Descriptor("application/x", digests.of(DATA), len(DATA))

Script = Callable[[socket.socket, str, dict[str, str]], None]
"""Called with the connection, the request line and the headers, once they are read; answers or does not."""


@contextmanager
def scripted(script: Script, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that does with each request what the script does; gives `127.0.0.1:PORT`."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            connection: socket.socket = self.request
            try:
                if context is not None:
                    connection = context.wrap_socket(connection, server_side=True)
                with connection:
                    self.converse(connection)
            except (OSError, ValueError):
                pass  # the client went away, or the script cut it off: that is what is being tested

        def converse(self, connection: socket.socket) -> None:
            while head := _head(connection):
                line, *rest = head.split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
                script(connection, line, headers)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _head(connection: socket.socket) -> str:
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        if not (byte := connection.recv(1)):
            return ""
        data += byte
        if data == b"\x16":
            return "a TLS handshake"
    return data.decode("latin-1").strip()


def _read(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (chunk := connection.recv(min(65536, count - len(data)))):
        data += chunk
    return data


def _answer(connection: socket.socket, status: int, body: bytes = b"", *fields: str, length: int | None = None) -> None:
    """`fields` are header lines."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body) if length is None else length}", *fields]
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)


def _reset(connection: socket.socket) -> None:
    """Close at once, with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _client(host: str, **options: object) -> RegistryClient:
    return RegistryClient(host, credentials=Fixed(), patience=QUICK, **options)  # type: ignore[arg-type]


def test_nobody_there_is_said_in_a_moment() -> None:
    host = f"127.0.0.1:{free_port()}"
    with pytest.raises(RegistryUnavailable, match="connection was refused") as caught:
        _client(host).ping()
    assert caught.value.__cause__ is not None


def test_a_name_nobody_knows_is_said() -> None:
    with pytest.raises(RegistryUnavailable, match="name cannot be resolved"):
        _client("registry.invalid").ping()


def test_a_body_that_is_cut_short_is_not_taken_for_the_whole() -> None:
    tags = json.dumps({"tags": ["a", "b"]}).encode()

    def script(connection: socket.socket, line: str, headers: dict[str, str]) -> None:
        _answer(connection, 200, tags[:8], "Content-Type: application/json", length=len(tags))
        connection.close()

    with scripted(script) as host, pytest.raises(RegistryUnavailable, match="breaks off"):
        list(_client(host).tags("app"))


def test_a_download_that_is_reset_goes_on_where_it_broke() -> None:
    ranges: list[str] = []

    def script(connection: socket.socket, line: str, headers: dict[str, str]) -> None:
        ranges.append(headers.get("range", ""))
        start = int(headers.get("range", "bytes=0-")[6:-1])
        rest = DATA[start:]
        if len(ranges) < 3:
            _answer(connection, 206 if start else 200, rest[:1_000_000], length=len(rest))
            connection.close()
        else:
            _answer(connection, 206, rest)

    with scripted(script) as host:
        assert b"".join(_client(host).blob("app", BLOB.digest)) == DATA
    assert ranges == ["", "bytes=1000000-", "bytes=2000000-"]


def test_an_upload_that_is_reset_in_the_middle_goes_on_where_it_broke() -> None:
    stored = bytearray()
    seen: list[str] = []

    def script(connection: socket.socket, line: str, headers: dict[str, str]) -> None:
        method = line.split()[0]
        seen.append(method)
        size = int(headers.get("content-length", "0"))
        if method in ("PUT", "PATCH"):
            stored.extend(_read(connection, 3_000_000 if seen.count("PATCH") == 0 else size))
            if seen.count("PATCH") == 0:
                _reset(connection)
        here = ("Location: /v2/app/blobs/uploads/1", f"Range: 0-{max(0, len(stored) - 1)}")
        if method == "POST":
            _answer(connection, 202, b"", *here)
        elif method == "HEAD":
            _answer(connection, 404)
        elif method == "GET":
            _answer(connection, 204, b"", *here)
        else:
            _answer(connection, 201 if method == "PUT" else 202, b"", *here)

    with scripted(script) as host:
        assert _client(host).upload("app", BLOB, bytes_source(DATA)) is True
    assert bytes(stored) == DATA
    assert seen == ["POST", "PUT", "HEAD", "GET", "PATCH", "PUT"]


def test_a_refusal_in_mid_upload_is_heard() -> None:
    def script(connection: socket.socket, line: str, headers: dict[str, str]) -> None:
        if line.startswith("POST"):
            _answer(connection, 202, b"", "Location: /v2/app/blobs/uploads/1")
        else:
            _read(connection, 1000)
            _answer(connection, 403, b'{"errors": [{"code": "DENIED", "message": "quota"}]}', "Connection: close")
            _read(connection, len(DATA))

    with scripted(script) as host, pytest.raises(CredentialsMissing, match="quota"):
        _client(host).upload("app", BLOB, bytes_source(DATA))


def test_a_wait_that_is_asked_for_is_kept() -> None:
    seen: list[str] = []

    def script(connection: socket.socket, line: str, headers: dict[str, str]) -> None:
        seen.append(line)
        if len(seen) == 1:
            _answer(connection, 429, b"", "Retry-After: 1")
        else:
            _answer(connection, 200, b"{}", "Content-Type: application/json")

    with scripted(script) as host:
        RegistryClient(host, credentials=Fixed(), patience=Patience(total=5)).ping()
    assert len(seen) == 2


@pytest.mark.parametrize(
    "junk", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 banana\r\n\r\n", b"\0" * 100], ids=range(4)
)
def test_what_speaks_no_http_is_no_registry(junk: bytes) -> None:
    def script(connection: socket.socket, line: str, headers: dict[str, str]) -> None:
        connection.sendall(junk)
        connection.close()

    with scripted(script) as host, pytest.raises(RegistryUnavailable):
        _client(host).ping()


def test_a_redirect_is_followed_without_the_password() -> None:
    seen: list[dict[str, str]] = []

    def store(connection: socket.socket, line: str, headers: dict[str, str]) -> None:
        seen.append(headers)
        _answer(connection, 200, DATA)

    with scripted(store) as elsewhere:

        def registry(connection: socket.socket, line: str, headers: dict[str, str]) -> None:
            if "authorization" in headers:
                _answer(connection, 307, b"", f"Location: http://{elsewhere}/blob?signature=1")
            else:
                _answer(connection, 401, b"", 'WWW-Authenticate: Basic realm="x"')

        with scripted(registry) as host:
            client = RegistryClient(host, credentials=basic("user", "password"), patience=QUICK)
            assert b"".join(client.blob("app", BLOB.digest)) == DATA
    assert "authorization" not in seen[0]


def test_redirects_in_circles_end() -> None:
    def script(connection: socket.socket, line: str, headers: dict[str, str]) -> None:
        _answer(connection, 302, b"", "Location: /v2/")

    with scripted(script) as host, pytest.raises(RegistryUnavailable, match="circles"):
        _client(host).ping()


def test_plain_http_where_tls_is_expected_is_said_with_the_setting() -> None:
    def script(connection: socket.socket, line: str, headers: dict[str, str]) -> None:
        _answer(connection, 400, b"this is plain http")
        connection.close()

    with scripted(script) as host, pytest.raises(RegistryUnavailable, match="does not speak TLS") as caught:
        _client(host, insecure=False).ping()
    assert "insecure: true" in (caught.value.remedy or "")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    file = tmp_path / "own.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(file)]
    certificate = subprocess.run([*made, *subject], check=True, capture_output=True).stdout
    file.write_bytes(file.read_bytes() + certificate)
    return file


def test_a_certificate_counts_when_its_authority_is_known(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def script(connection: socket.socket, line: str, headers: dict[str, str]) -> None:
        _answer(connection, 200, b"{}")

    with scripted(script, context) as host:
        with pytest.raises(RegistryUnavailable, match="certificate is not accepted") as caught:
            _client(host, insecure=False).ping()
        assert "SSL_CERT_FILE" in (caught.value.remedy or "")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        _client(host, insecure=False).ping()


# -- logging in over HTTP -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("login", "credentials"),
    [
        ("basic", basic("user", "password")),
        ("bearer", basic("user", "password")),
        ("azure", Fixed(Credential("test", azure=Secret(AZURE_TOKEN)))),
        ("azure", Fixed(Credential("test", identity=Secret(REFRESH_TOKEN)))),
        ("azure", basic("00000000-0000-0000-0000-000000000000", REFRESH_TOKEN)),
    ],
)
def test_an_image_is_pushed_through_every_kind_of_login(login: str, credentials: Fixed, tmp_path: Path) -> None:
    registry = FakeRegistry(login=login)  # type: ignore[arg-type]
    image = make_image(tmp_path)
    with registry.served() as host:
        client = RegistryClient(host, credentials=credentials, patience=QUICK)
        push(image, client, "team/app", ["latest"])
        again = RegistryClient(host, credentials=credentials, patience=QUICK)
        assert again.get_manifest("team/app", "latest").body == Layout(tmp_path).read(image.digest).body


def test_a_credential_helper_is_run_as_docker_runs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = tmp_path / "docker-credential-windlass-test-oci"
    helper.write_text('#!/bin/sh\nread -r host\necho "{\\"Username\\": \\"user\\", \\"Secret\\": \\"password\\"}"\n')
    helper.chmod(0o755)
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "windlass-test-oci"}))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with FakeRegistry(login="basic").served() as host:
        RegistryClient(host, patience=QUICK).ping()


def test_dockers_own_login_is_used_and_a_failing_one_named(tmp_path: Path) -> None:
    with FakeRegistry(login="bearer").served() as host:
        file = tmp_path / "config.json"
        for password in ("password", "wrong"):
            auth = base64.b64encode(f"user:{password}".encode()).decode()
            file.write_text(json.dumps({"auths": {host: {"auth": auth}}}))
            client = RegistryClient(host, credentials=DockerCredentials(tmp_path), patience=QUICK)
            if password == "password":
                client.ping()
            else:
                with pytest.raises(CredentialsMissing, match=f"user 'user' from {file}"):
                    client.ping()


def test_many_requests_share_one_connection() -> None:
    connections: set[tuple[str, int]] = set()

    def script(connection: socket.socket, line: str, headers: dict[str, str]) -> None:
        connections.add(connection.getpeername())
        _answer(connection, 404, b"{}")

    with scripted(script) as host:
        client = _client(host)
        for number in range(20):
            with pytest.raises(NotFound):
                client.get_manifest("app", f"t{number}")
    assert len(connections) == 1
