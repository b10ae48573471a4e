"""Certificates for tests, made with the `openssl` program."""

from __future__ import annotations

import tempfile
from pathlib import Path

from windlass import process

_QUICK = "ec -pkeyopt ec_paramgen_curve:P-256"
_AUTHORITY = """
[ca]
default_ca = own
[own]
database = {folder}/index.txt
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""


def self_signed(name: str, *, key: str = _QUICK) -> tuple[str, str]:
    """A self-signed certificate for a host name, and its key; PEM. It holds for 30 days."""
    made = process.run([*_request(name, key), "-x509", "-days", "30", "-keyout", "/dev/stdout"], check=True).stdout
    at = made.index("-----BEGIN CERTIFICATE")
    return made[at:], made[:at]


def held_between(name: str, begin: str, end: str) -> tuple[str, str]:
    """As `self_signed`, but it holds from `begin` to `end`, such as 20200101000000Z."""
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        (at / "ca.cnf").write_text(_AUTHORITY.format(folder=folder))
        (at / "index.txt").touch()
        (at / "serial").write_text("01\n")
        asked = [*_request(name, _QUICK), "-keyout", f"{folder}/key", "-out", f"{folder}/request"]
        process.run(asked, check=True)
        signing = ["openssl", "ca", "-batch", "-selfsign", "-notext", "-config", f"{folder}/ca.cnf"]
        files = ["-in", f"{folder}/request", "-keyfile", f"{folder}/key", "-out", f"{folder}/made"]
        process.run([*signing, *files, "-startdate", begin, "-enddate", end], check=True)
        return (at / "made").read_text(), (at / "key").read_text()


def write(folder: Path, name: str, made: tuple[str, str] | None = None) -> tuple[Path, Path]:
    """Files with a certificate and its key, under names of their own."""
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in zip(paths, made or self_signed(name), strict=True):
        path.write_text(text)
    return paths


def _request(name: str, key: str) -> list[str]:
    wanted = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    return ["openssl", "req", "-newkey", *key.split(), "-nodes", *wanted]
