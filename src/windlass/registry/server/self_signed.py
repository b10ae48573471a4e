"""A certificate of one's own: a small authority under the root, made by OpenSSL, and a certificate it signs.

Clients trust `tls/ca.crt`; the authority stays when the certificate is made anew, so that they need not learn another.
"""

from __future__ import annotations

import ipaddress
import os
import time
from collections.abc import Sequence
from pathlib import Path

from windlass.errors import ConfigError, EnvironmentUnusable
from windlass.process import run
from windlass.registry.server.tls import Tls, check_tls, uncovered

_DAYS = 365
_AUTHORITY_DAYS = 3650
_RENEW_SECONDS = 30 * 86400
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256")
_TIMEOUT = 60.0


def self_signed(root: Path, names: Sequence[str]) -> Tls:
    """The root's own certificate for these names and addresses; made when there is none that is good for another month.

    Raises:
        EnvironmentUnusable: `openssl` is missing or fails, or the folder cannot be written.
    """
    folder = root / "tls"
    tls = Tls(folder / "server.crt", folder / "server.key")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "ca.crt").exists() or not (folder / "ca.key").exists():
            _openssl(authority_command(folder))
            (folder / "ca.key").chmod(0o600)
        if not _good(tls, names):
            (folder / "extensions").write_text(extensions(names))
            _openssl(request_command(folder))
            _openssl(sign_command(folder))
            (folder / "server.key").chmod(0o600)
            for left in ("server.csr", "extensions"):
                (folder / left).unlink()
    except OSError as error:
        raise EnvironmentUnusable(
            f"{folder} cannot be written: {error.strerror}", remedy="make the registry's root writable"
        ) from error
    return tls


def authority_command(folder: Path) -> list[str]:
    return [
        *("openssl", "req", "-x509", *_KEY, "-days", str(_AUTHORITY_DAYS), "-subj", "/CN=Windlass registry"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        *("-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.crt")),
    ]


def request_command(folder: Path) -> list[str]:
    return [
        *("openssl", "req", "-new", *_KEY, "-subj", "/CN=windlass-registry"),
        *("-keyout", str(folder / "server.key"), "-out", str(folder / "server.csr")),
    ]


def sign_command(folder: Path) -> list[str]:
    return [
        *("openssl", "x509", "-req", "-sha256", "-days", str(_DAYS), "-in", str(folder / "server.csr")),
        *("-CA", str(folder / "ca.crt"), "-CAkey", str(folder / "ca.key"), "-set_serial", str(_serial())),
        *("-extfile", str(folder / "extensions"), "-out", str(folder / "server.crt")),
    ]


def extensions(names: Sequence[str]) -> str:
    """OpenSSL's extension file for a server of these names and addresses."""
    listed = ",".join(f"{'IP' if _is_address(name) else 'DNS'}:{name}" for name in names)
    return (
        "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
        f"extendedKeyUsage=serverAuth\nsubjectAltName={listed}\n"
    )


def _good(tls: Tls, names: Sequence[str]) -> bool:
    if not tls.cert.exists() or not tls.key.exists():
        return False
    try:
        found = check_tls(tls)
    except ConfigError:
        return False
    return found.ends - time.time() > _RENEW_SECONDS and not any(uncovered(found, name) for name in names)


def _openssl(argv: list[str]) -> None:
    done = run(argv, timeout=_TIMEOUT)
    if not done.ok:
        said = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise EnvironmentUnusable(
            f"openssl could not make a certificate: {said[0][:300]}",
            remedy="install OpenSSL 1.1.1 or newer, or bring a certificate with --tls-cert and --tls-key",
        )


def _serial() -> int:
    """Random and positive (RFC 5280, section 4.1.2.2)."""
    return int.from_bytes(os.urandom(15), "big") + 1


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
