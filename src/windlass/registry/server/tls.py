"""The server's certificate, examined before it is used: a server that starts is one that clients can talk to."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from windlass.errors import ConfigError
from windlass.registry.server.listen import Listen

_EXPIRED, _NOT_YET, _PURPOSE = 10, 9, 26  # X509_V_ERR_…, from OpenSSL's x509_vfy.h
_SOON_DAYS = 14
_PARTIAL_CHAIN = 0x80000  # X509_V_FLAG_PARTIAL_CHAIN: the certificate itself is trusted, whoever signed it


@dataclass(frozen=True, slots=True)
class Tls:
    """A certificate (with its chain) and its unencrypted key, both PEM."""

    cert: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says. `names` are DNS names and IP addresses; `ends` is in seconds since 1970."""

    names: tuple[str, ...]
    ends: float


def check_tls(tls: Tls) -> Certificate:
    """Load certificate and key, and make one connection within memory with them.

    Raises:
        ConfigError: a file is missing or no PEM, the key is another certificate's, encrypted or readable to others, or the
            certificate has expired or is not for servers.
    """
    _check_files(tls)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    encrypted = []

    def ask() -> str:
        encrypted.append(True)  # without this, OpenSSL would ask at the terminal
        return ""

    try:
        server.load_cert_chain(tls.cert, tls.key, ask)
    except ssl.SSLError as error:
        if encrypted:
            raise ConfigError(
                "the key is encrypted",
                where=str(tls.key),
                remedy=f"decrypt it: openssl pkey -in {tls.key} -out plain.key",
            ) from error
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(
                f"is not the key of {tls.cert}", where=str(tls.key), remedy="name the key the certificate was made for"
            ) from error
        raise ConfigError(
            f"certificate and key cannot be loaded: {error.reason or 'not PEM'}",
            where=f"{tls.cert}, {tls.key}",
            remedy="both must be PEM: -----BEGIN CERTIFICATE----- and -----BEGIN PRIVATE KEY-----",
        ) from error
    return _certificate(_handshake(server, tls.cert))


def uncovered(certificate: Certificate, host: str) -> bool:
    """Whether clients that call the server by this name or address would refuse the certificate (RFC 6125)."""
    try:
        wanted = ipaddress.ip_address(host)
    except ValueError:
        return not any(_matches(name, host.lower()) for name in certificate.names)
    return not wanted.is_unspecified and not any(_same(name, wanted) for name in certificate.names)


def warnings(certificate: Certificate, address: Listen, url_host: str | None, now: float) -> list[str]:
    """What is worth saying although the server can start."""
    said = []
    days = int((certificate.ends - now) / 86400)
    if days < _SOON_DAYS:
        until = datetime.fromtimestamp(certificate.ends, UTC).date().isoformat()
        said.append(f"the certificate ends on {until}: renew it, then start the registry again")
    host = url_host or address.host
    if uncovered(certificate, host):
        names = ", ".join(certificate.names) or "no name at all"
        said.append(f"the certificate is for {names}, not for {host}: clients that use this name will refuse it")
    return said


def _check_files(tls: Tls) -> None:
    for path, option in ((tls.cert, "--tls-cert"), (tls.key, "--tls-key")):
        try:
            with path.open("rb") as file:
                file.read(1)
        except OSError as error:
            raise ConfigError(
                f"cannot be read: {error.strerror}", where=str(path), remedy=f"name a readable PEM file with {option}"
            ) from error
    if tls.key.stat().st_mode & 0o027:
        raise ConfigError(
            "others than its owner and group can read or change the key",
            where=str(tls.key),
            remedy=f"chmod 600 {tls.key}; if it may have been seen, get another",
        )


def _handshake(server: ssl.SSLContext, cert: Path) -> Any:
    """What the client of one connection within memory sees of the certificate."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VerifyFlags(_PARTIAL_CHAIN)
    try:
        client.load_verify_locations(cert)
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        one = client.wrap_bio(to_client, to_server, server_hostname="registry")
        two = server.wrap_bio(to_server, to_client, server_side=True)
        for side in (one, two, one, two):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
        return one.getpeercert()
    except ssl.SSLCertVerificationError as error:
        reason, remedy = _REASONS.get(
            error.verify_code, (f"clients would refuse the certificate: {error.verify_message}", "get another one")
        )
        raise ConfigError(reason, where=str(cert), remedy=remedy) from error
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"no connection can be made with the certificate: {error}", where=str(cert), remedy="get another one"
        ) from error


_REASONS = {
    _EXPIRED: ("the certificate has expired", "renew it; for one of Windlass's own, start with --tls-self-signed"),
    _NOT_YET: ("the certificate is not valid yet", "check this machine's clock, or get another one"),
    _PURPOSE: ("the certificate is not for servers", "get one whose extended key usage holds serverAuth"),
}


def _certificate(seen: Any) -> Certificate:
    names = tuple(value for kind, value in seen.get("subjectAltName", ()) if kind in ("DNS", "IP Address"))
    return Certificate(names, float(ssl.cert_time_to_seconds(seen["notAfter"])))


def _matches(name: str, host: str) -> bool:
    name = name.lower()
    return name == host or (name.startswith("*.") and host.partition(".")[2] == name[2:])


def _same(name: str, wanted: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return ipaddress.ip_address(name) == wanted
    except ValueError:
        return False
