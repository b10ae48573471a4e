"""Certificates: served with, refused with a reason, and where the registry may listen with and without one."""

from __future__ import annotations

import shutil
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.registry.guarded import GuardedServer, basic, write_users
from tests.integration.registry.serving import free_port
from windlass.errors import ConfigError, ExitCode
from windlass.process import run
from windlass.registry.server.daemon import probe
from windlass.registry.server.listen import Listen
from windlass.registry.server.names import digest_of
from windlass.registry.server.self_signed import self_signed
from windlass.registry.server.tls import Tls, check_tls

pytestmark = pytest.mark.needs("openssl")

NAMES = ["localhost", "127.0.0.1", "registry.example"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with an authority and a good certificate; tests copy from it."""
    root = tmp_path_factory.mktemp("authority")
    self_signed(root, NAMES)
    return root / "tls"


@pytest.fixture
def good(authority: Path, tmp_path: Path) -> Tls:
    for name in ("server.crt", "server.key"):
        shutil.copy(authority / name, tmp_path / name)
    return Tls(tmp_path / "server.crt", tmp_path / "server.key")


def openssl(*argv: str) -> None:
    done = run(["openssl", *argv])
    assert done.ok, done.stderr


def certificate(authority: Path, tmp_path: Path, *, days: str = "30", usage: str = "serverAuth") -> Tls:
    """A certificate of the authority; negative days give one that has expired."""
    (tmp_path / "extensions").write_text(f"subjectAltName=DNS:localhost\nextendedKeyUsage={usage}\n")
    openssl(
        *("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=x"),
        *("-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "csr")),
    )
    openssl(
        *("x509", "-req", "-in", str(tmp_path / "csr"), "-days", days, "-extfile", str(tmp_path / "extensions")),
        *("-CA", str(authority / "ca.crt"), "-CAkey", str(authority / "ca.key"), "-set_serial", "7"),
        *("-out", str(tmp_path / "crt")),
    )
    return Tls(tmp_path / "crt", tmp_path / "key")


def refused(tls: Tls) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        check_tls(tls)
    assert caught.value.where
    assert caught.value.remedy
    return caught.value


def test_a_good_certificate_is_read(good: Tls) -> None:
    assert set(check_tls(good).names) == set(NAMES)


def test_a_certificate_of_ones_own_is_kept_until_it_no_longer_fits(tmp_path: Path) -> None:
    tls = self_signed(tmp_path, NAMES)
    before, authority = tls.cert.read_bytes(), (tmp_path / "tls" / "ca.crt").read_bytes()
    assert self_signed(tmp_path, NAMES[:2]).cert.read_bytes() == before
    assert self_signed(tmp_path, [*NAMES, "10.0.0.1"]).cert.read_bytes() != before
    assert (tmp_path / "tls" / "ca.crt").read_bytes() == authority
    assert all(key.stat().st_mode & 0o077 == 0 for key in (tmp_path / "tls").glob("*.key"))


def test_an_expired_certificate_is_refused(authority: Path, tmp_path: Path) -> None:
    assert "expired" in refused(certificate(authority, tmp_path, days="-1")).message


def test_a_certificate_that_is_not_for_servers_is_refused(authority: Path, tmp_path: Path) -> None:
    refused(certificate(authority, tmp_path, usage="clientAuth"))


def test_the_key_of_another_certificate_is_refused(authority: Path, good: Tls, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = certificate(authority, tmp_path / "other")
    assert "is not the key of" in refused(Tls(good.cert, other.key)).message


def test_a_key_that_others_can_read_is_refused(good: Tls) -> None:
    good.key.chmod(0o644)
    error = refused(good)
    assert "chmod 600" in (error.remedy or "")
    good.key.chmod(0o640)
    assert check_tls(good)


def test_an_encrypted_key_is_refused_without_asking_anybody(good: Tls, tmp_path: Path) -> None:
    locked = tmp_path / "locked.key"
    openssl("pkey", "-in", str(good.key), "-aes256", "-passout", "pass:x", "-out", str(locked))
    assert "encrypted" in refused(Tls(good.cert, locked)).message


def test_files_that_are_missing_or_no_pem_are_refused(good: Tls, tmp_path: Path) -> None:
    junk = tmp_path / "junk"
    junk.write_bytes(b"\0\1not PEM")
    junk.chmod(0o600)
    refused(Tls(tmp_path / "missing", good.key))
    refused(Tls(good.cert, tmp_path / "missing"))
    refused(Tls(junk, good.key))
    refused(Tls(good.cert, junk))
    refused(Tls(good.key, good.cert))
    refused(Tls(tmp_path, good.key))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GuardedServer]:
    root = tmp_path / "root"
    write_users(root, "alice")
    found = GuardedServer(root, free_port(), options=("--tls-self-signed",), scheme="https")
    found.start()
    yield found
    found.end()


def test_content_travels_encrypted_in_both_directions(server: GuardedServer) -> None:
    data = bytes(range(256)) * 20_000
    path = f"/v2/a/blobs/uploads/?digest={digest_of(data)}"
    assert server.request("POST", path, body=data, headers=basic("alice")).status == 201
    answer = server.request("GET", f"/v2/a/blobs/{digest_of(data)}", headers=basic("alice"))
    assert answer.data == data


def test_passwords_are_asked_for_where_docker_would_not_trust_the_place_of_tokens(server: GuardedServer) -> None:
    assert server.request("GET", "/v2/").headers["www-authenticate"] == 'Basic realm="windlass-registry"'
    server.end()
    server.options = ("--tls-self-signed", "--challenge", "bearer")
    server.start()
    challenge = server.request("GET", "/v2/").headers["www-authenticate"]
    assert f'realm="https://127.0.0.1:{server.port}/token"' in challenge


def test_who_looks_for_a_registry_without_tls_is_told_that_this_one_has_it(server: GuardedServer) -> None:
    found = probe(Listen("127.0.0.1", server.port))
    assert (found.kind, found.detail) == ("other", "a server that speaks TLS only")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(server: GuardedServer, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cafile=str(server.root / "tls" / "ca.crt"))
    context.minimum_version = context.maximum_version = version
    with server.connect() as raw, context.wrap_socket(raw, server_hostname="localhost") as secure:
        assert secure.version() == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]


def foreground(tmp_path: Path, *options: str, host: str = "0.0.0.0") -> tuple[int, str]:
    root = str(tmp_path / "root")
    argv = [
        sys.executable,
        "-m",
        "windlass.registry.server",
        "--listen",
        f"{host}:{free_port()}",
        "--root",
        root,
        *options,
    ]
    done = run(argv, timeout=180)
    assert "Traceback" not in done.stderr
    return done.code, done.stderr


def test_users_without_tls_stay_on_this_machine(tmp_path: Path) -> None:
    write_users(tmp_path / "root", "alice")
    code, said = foreground(tmp_path)
    assert code == ExitCode.USAGE
    assert "unencrypted" in said
    assert "--tls-cert" in said


@pytest.mark.parametrize("option", ["--tls-self-signed", "--plain-http"])
def test_tls_without_users_stays_on_this_machine(tmp_path: Path, option: str) -> None:
    code, said = foreground(tmp_path, option)
    assert code == ExitCode.USAGE
    assert "has no users" in said


def test_nobody_left_to_log_in_is_as_good_as_no_users(tmp_path: Path) -> None:
    write_users(tmp_path / "root")
    assert foreground(tmp_path, "--tls-self-signed")[0] == ExitCode.USAGE


def test_options_that_contradict_each_other_are_refused(tmp_path: Path, good: Tls) -> None:
    cert, key = ("--tls-cert", str(good.cert)), ("--tls-key", str(good.key))
    for options in (
        cert,
        key,
        (*cert, *key, "--tls-self-signed"),
        ("--tls-self-signed", "--plain-http"),
        ("--url", "registry.example"),
        ("--users", str(tmp_path / "missing")),
        ("--access", str(tmp_path / "missing")),
        ("--max-blob", "many"),
        ("--max-uploads", "0"),
    ):
        assert foreground(tmp_path, *options, host="127.0.0.1")[0] == ExitCode.USAGE, options
    write_users(tmp_path / "root", "alice")
    assert foreground(tmp_path, "--open-to-everyone")[0] == ExitCode.USAGE


def test_a_bad_certificate_ends_the_start_with_a_reason(tmp_path: Path, authority: Path) -> None:
    tls = certificate(authority, tmp_path, days="-1")
    code, said = foreground(tmp_path, "--tls-cert", str(tls.cert), "--tls-key", str(tls.key), host="127.0.0.1")
    assert code == ExitCode.USAGE
    assert "expired" in said


def test_a_bad_users_file_ends_the_start_with_its_line(tmp_path: Path) -> None:
    write_users(tmp_path / "root", "alice")
    with (tmp_path / "root" / "htpasswd").open("a") as file:
        file.write("bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n")
    code, said = foreground(tmp_path, host="127.0.0.1")
    assert code == ExitCode.USAGE
    assert "htpasswd: line 2" in said
    assert "{SHA}" not in said


def test_a_signing_key_that_others_can_read_ends_the_start(tmp_path: Path) -> None:
    write_users(tmp_path / "root", "alice")
    (tmp_path / "root" / "token.key").write_text("0" * 64)
    (tmp_path / "root" / "token.key").chmod(0o644)
    code, said = foreground(tmp_path, host="127.0.0.1")
    assert code == ExitCode.USAGE
    assert "others can read the signing key" in said
