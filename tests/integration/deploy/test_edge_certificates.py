"""Certificates and keys in files are judged before anything is touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.certificates import held_between, self_signed, write

from windlass import process
from windlass.deploy.docker.edge.certificates import read, terminated
from windlass.deploy.docker.edge.layout import Fronted, Layout
from windlass.deploy.docker.edge.tls import fingerprint
from windlass.errors import ConfigError
from windlass.model.events import Event, Notice
from windlass.model.project import TlsSpec

pytestmark = pytest.mark.needs("openssl")

WHERE = "windlass.yaml: environments.production.edge.tls[0]"


@pytest.fixture
def spec(tmp_path: Path) -> TlsSpec:
    certificate, key = write(tmp_path, "shop.example.org")
    return TlsSpec("web", 8443, str(certificate), str(key))


def test_a_certificate_with_its_key_is_taken_whole_and_the_key_is_never_shown(spec: TlsSpec) -> None:
    tls, warning = read(spec, WHERE)
    assert tls.bundle is not None and (warning, tls.authority, tls.name) == ("", "", "")
    assert tls.bundle.reveal() == Path(spec.certificate).read_text() + Path(spec.key).read_text()
    assert "PRIVATE" not in repr(tls)


@pytest.mark.parametrize("kind", ["rsa:2048", "ed25519", "ec -pkeyopt ec_paramgen_curve:P-256"])
def test_keys_of_all_usual_kinds_may_stand_in_the_certificate_s_file_with_blank_lines_and_crlf(
    tmp_path: Path, kind: str
) -> None:
    certificate, key = self_signed("web", key=kind)
    file = tmp_path / "all.pem"
    file.write_bytes(f"some words\n\n{key}\n\n{certificate}\n".replace("\n", "\r\n").encode())
    tls, _ = read(TlsSpec("web", 8443, str(file)), WHERE)
    assert tls.bundle is not None and tls.bundle.reveal() == certificate + key


def test_another_certificate_has_another_fingerprint_and_the_same_one_the_same(spec: TlsSpec, tmp_path: Path) -> None:
    other, key = write(tmp_path / "other", "shop.example.org")
    first = read(spec, WHERE)[0]
    assert first == read(spec, WHERE)[0]
    assert first != read(replace(spec, certificate=str(other), key=str(key)), WHERE)[0]


def test_an_authority_vouches_for_the_service_s_name_unless_another_is_said(spec: TlsSpec) -> None:
    held = replace(spec, upstream_ca=spec.certificate)
    tls, _ = read(held, WHERE)
    assert tls.authority and tls.authorities and tls.name == "web"
    assert read(replace(held, upstream_name="a.internal"), WHERE)[0].name == "a.internal"


def _encrypted(folder: Path, spec: TlsSpec) -> TlsSpec:
    process.run(["openssl", "pkey", "-in", spec.key, "-aes256", "-passout", "pass:x", "-out", f"{folder}/locked"], check=True)  # fmt: skip
    return replace(spec, key=f"{folder}/locked")


def _traditional(folder: Path, spec: TlsSpec) -> TlsSpec:
    command = ["openssl", "pkey", "-in", spec.key, "-aes256", "-traditional", "-passout", "pass:x", "-out"]
    process.run([*command, f"{folder}/locked"], check=True)
    return replace(spec, key=f"{folder}/locked")


def _other_key(folder: Path, spec: TlsSpec) -> TlsSpec:
    return replace(spec, key=str(write(folder / "two", "shop.example.org")[1]))


def _holding(text: str | bytes, field: str = "certificate") -> Callable[[Path, TlsSpec], TlsSpec]:
    def make(folder: Path, spec: TlsSpec) -> TlsSpec:
        (folder / "held").write_bytes(text if isinstance(text, bytes) else text.encode())
        return replace(spec, **{field: f"{folder}/held"})  # type: ignore[arg-type]

    return make


def _with(**fields: str) -> Callable[[Path, TlsSpec], TlsSpec]:
    return lambda folder, spec: replace(
        spec,
        **{key: value.format(folder=folder) for key, value in fields.items()},  # type: ignore[arg-type]
    )


def _expired(folder: Path, spec: TlsSpec) -> TlsSpec:
    made = held_between("shop.example.org", "20200101000000Z", "20210101000000Z")
    certificate, key = write(folder / "old", "shop.example.org", made)
    return replace(spec, certificate=str(certificate), key=str(key))


def _early(folder: Path, spec: TlsSpec) -> TlsSpec:
    made = held_between("shop.example.org", "22000101000000Z", "22010101000000Z")
    certificate, key = write(folder / "early", "shop.example.org", made)
    return replace(spec, certificate=str(certificate), key=str(key))


def _weak(folder: Path, spec: TlsSpec) -> TlsSpec:
    certificate, key = write(folder / "weak", "web", self_signed("web", key="rsa:1024"))
    return replace(spec, certificate=str(certificate), key=str(key))


def _long(folder: Path, spec: TlsSpec) -> TlsSpec:
    (folder / "long").write_text(Path(spec.certificate).read_text() * 40)
    return replace(spec, certificate=f"{folder}/long")


BROKEN = "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("make", "message", "key"),
    [
        (_with(certificate="{folder}/absent.pem"), "there is no file", "certificate"),
        (_with(key="{folder}/absent.pem"), "there is no file", "key"),
        (_with(certificate="{folder}"), "is a folder", "certificate"),
        (_with(certificate="x\0y"), "cannot be read", "certificate"),
        (_with(key=""), "holds no private key", "key"),
        (_holding(""), "holds no certificate", "certificate"),
        (_holding(b"\x30\x82\xff\x00"), "holds no certificate", "certificate"),
        (_holding(BROKEN), "is refused", "certificate"),
        (_holding("-----BEGIN CERTIFICATE-----\nabc"), "holds no certificate", "certificate"),
        (_holding("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "key"), "is refused", "certificate"),
        (_other_key, "does not fit the certificate", "key"),
        (_encrypted, "is encrypted", "key"),
        (_traditional, "is encrypted", "key"),
        (_expired, "has expired", "certificate"),
        (_early, "is not valid yet", "certificate"),
        (_weak, "is refused: ee key too small", "certificate"),
        (_long, "is larger than", "certificate"),
        (_with(upstream_ca="{folder}/absent.pem"), "there is no file", "upstream_ca"),
        (_holding("nothing", "upstream_ca"), "holds no certificate", "upstream_ca"),
        (_holding(BROKEN, "upstream_ca"), "holds no certificate", "upstream_ca"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_refused_with_the_file_and_what_to_do(
    spec: TlsSpec, tmp_path: Path, make: Callable[[Path, TlsSpec], TlsSpec], message: str, key: str
) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        read(make(tmp_path, spec), WHERE)
    assert refused.value.where == f"{WHERE}.{key}"
    assert refused.value.remedy
    assert "PRIVATE KEY-----\n" not in str(refused.value)


def test_a_file_that_others_may_not_read_is_refused(spec: TlsSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(self: Path) -> bytes:
        raise PermissionError

    monkeypatch.setattr(Path, "read_bytes", closed)
    with pytest.raises(ConfigError, match="cannot be read by this user"):
        read(spec, WHERE)


def test_an_end_that_is_near_is_said(spec: TlsSpec) -> None:
    later = datetime.now(UTC) + timedelta(days=20)
    assert "ends in 9 days" in read(spec, WHERE, now=later)[1]


def test_a_certificate_that_has_run_out_is_no_obstacle_when_it_is_what_users_see(tmp_path: Path, spec: TlsSpec) -> None:
    old = _expired(tmp_path, spec)
    with pytest.raises(ConfigError) as refused:
        read(old, WHERE)
    assert "renew it" in (refused.value.remedy or "")
    tls, warning = read(old, WHERE, shown=fingerprint(Path(old.certificate).read_text()))
    assert tls.bundle is not None and "has expired" in warning


LAYOUT = Layout({"web": Fronted("web", {80: "auto", 8443: "tcp"}, (), {})}, {"db": "it owns the volume kept"})


def test_only_the_named_port_is_ended_at_the_edge(spec: TlsSpec) -> None:
    heard: list[Event] = []
    found = terminated(LAYOUT, (spec,), "production", {}, heard.append).fronted["web"]
    assert found.ports == {80: "auto", 8443: "https"} and set(found.tls) == {8443}
    assert heard == []
    assert terminated(LAYOUT, (), "production", {}, heard.append) == LAYOUT


def test_what_a_release_does_not_have_is_said_and_does_not_stand_in_its_way(spec: TlsSpec) -> None:
    heard: list[Event] = []
    specs = (replace(spec, service="later"), replace(spec, port=9443))
    assert terminated(LAYOUT, specs, "production", {}, heard.append) == LAYOUT
    said = [event.text for event in heard if isinstance(event, Notice)]
    assert len(said) == 2 and "later" in said[0] and "listens on 9443, only on 80, 8443" in said[1]


def test_a_service_that_cannot_stand_behind_an_edge_is_refused(spec: TlsSpec) -> None:
    with pytest.raises(ConfigError, match="it owns the volume kept"):
        terminated(LAYOUT, (replace(spec, service="db"),), "production", {}, lambda event: None)
