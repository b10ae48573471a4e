"""Certificates and keys as people keep them in files, read and judged before anything is touched.

OpenSSL is the judge: the key must fit, and a handshake in memory must come to its end.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from windlass.deploy.docker.edge.layout import Fronted, Layout
from windlass.deploy.docker.edge.tls import Ends, Tls, fingerprint
from windlass.errors import ConfigError
from windlass.model.events import Emit, Notice
from windlass.model.project import TlsSpec
from windlass.model.secret import Secret

SOON = 14 * 86400.0
"""Seconds before a certificate ends from which on it is said."""

_BLOCK = re.compile(r"-----BEGIN (?P<kind>[A-Z0-9 ]+)-----\s.*?-----END (?P=kind)-----", re.DOTALL)
_LARGEST = 24_000
"""Bytes that a certificate with its chain and key may have: it is handed to HAProxy in one command, whose buffer is 32768."""

_EXPIRED, _NOT_YET = 10, 9  # X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID


def terminated(layout: Layout, specs: Sequence[TlsSpec], environment: str, running: Ends, emit: Emit) -> Layout:
    """The layout, where TLS ends at the edge as the user declared.

    A certificate that the edge shows already and that has run out meanwhile is only warned of: it must not stand in the way
    of a rollback.

    Args:
        running: what the edges that run do.

    Raises:
        ConfigError: a file is missing or unusable, or a service cannot stand behind an edge.
    """
    fronted = dict(layout.fronted)
    for number, spec in enumerate(specs):
        where = f"windlass.yaml: environments.{environment}.edge.tls[{number}]"
        shown = running.get(spec.service, {}).get(spec.port)
        tls, warning = read(spec, where, shown=shown.certificate if shown else "")
        if spec.service in layout.in_place:
            reason = layout.in_place[spec.service]
            raise ConfigError(
                f"TLS cannot end at the edge for {spec.service}, which cannot stand behind one"
                + (f": {reason}" if reason else ""),
                where=where,
                remedy="take it out of edge.tls, and let the service show its certificate itself",
            )
        if warning:
            emit(Notice(warning, "warning"))
        service = fronted.get(spec.service)
        if service is None:
            emit(Notice(f"edge.tls names {spec.service}, which is no service of this release", "warning"))
        elif spec.port not in service.ports:
            known = ", ".join(map(str, service.ports))
            emit(
                Notice(f"edge.tls: nothing says that {spec.service} listens on {spec.port}, only on {known}", "warning")
            )
        else:
            fronted[spec.service] = _ending(service, spec.port, tls)
    return replace(layout, fronted=fronted)


def _ending(service: Fronted, port: int, tls: Tls) -> Fronted:
    return replace(service, ports={**service.ports, port: "https"}, tls={**service.tls, port: tls})


def read(spec: TlsSpec, where: str, *, shown: str = "", now: datetime | None = None) -> tuple[Tls, str]:
    """What a declaration means, and a warning: "" when there is none.

    Args:
        where: where it stands, for messages.
        shown: fingerprint of the certificate that users see now.

    Raises:
        ConfigError: with the file, and what to do.
    """
    said = _text(spec.certificate, f"{where}.certificate")
    chain = _blocks(said, "CERTIFICATE")
    if not chain:
        raise ConfigError(
            f"{spec.certificate} holds no certificate in PEM form",
            where=f"{where}.certificate",
            remedy="write the file that begins with -----BEGIN CERTIFICATE-----; openssl x509 -inform der converts others",
        )
    key_file = spec.key or spec.certificate
    key = _key(said if not spec.key else _text(spec.key, f"{where}.key"), key_file, f"{where}.key")
    bundle = "".join((*chain, key))
    if len(bundle) > _LARGEST:
        raise ConfigError(
            f"{spec.certificate} with its key is larger than {_LARGEST} bytes",
            where=f"{where}.certificate",
            remedy="keep the service's certificate and its intermediates, and nothing else",
        )
    context = _context(spec.certificate, key_file, where)
    name = fingerprint("".join(chain))
    warning = _valid(context, chain[0], spec, where, name == shown, now or datetime.now(UTC))
    authorities = _authorities(spec, where)
    return (
        Tls(
            name,
            fingerprint(authorities) if authorities else "",
            spec.upstream_name or (spec.service if authorities else ""),
            Secret(bundle),
            authorities,
        ),
        warning,
    )


def _text(file: str, where: str) -> str:
    try:
        return Path(file).read_bytes().decode("ascii", errors="replace")
    except FileNotFoundError:
        reason, remedy = f"there is no file {file}", "write the path of one; it may be outside the repository"
    except IsADirectoryError:
        reason, remedy = f"{file} is a folder", "write the path of a file"
    except PermissionError:
        reason, remedy = f"{file} cannot be read by this user", "let the user who deploys read it"
    except (OSError, ValueError) as error:
        reason, remedy = f"{file} cannot be read: {error}", "write the path of a file"
    raise ConfigError(reason, where=where, remedy=remedy)


def _blocks(text: str, ending: str) -> list[str]:
    """The PEM blocks of a kind, without blank lines: to HAProxy one would be the end."""
    found = (m[0] for m in _BLOCK.finditer(text) if m["kind"].removeprefix("TRUSTED ").endswith(ending))
    return ["\n".join(line.strip() for line in block.splitlines() if line.strip()) + "\n" for block in found]


def _key(text: str, file: str, where: str) -> str:
    keys = _blocks(text, "PRIVATE KEY")
    if not keys:
        raise ConfigError(
            f"{file} holds no private key in PEM form", where=where, remedy="write key: the file with the private key"
        )
    if len(keys) > 1:
        raise ConfigError(f"{file} holds {len(keys)} private keys", where=where, remedy="keep the one that fits")
    if "ENCRYPTED" in keys[0]:
        raise ConfigError(
            f"the key in {file} is encrypted, and nobody is there to type its passphrase when the edge starts",
            where=where,
            remedy="openssl pkey -in FILE -out NEW writes it without one; let only its owner read NEW",
        )
    return keys[0]


def _context(certificate: str, key: str, where: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(
                f"the key in {key} does not fit the certificate in {certificate}",
                where=f"{where}.key",
                remedy="name the key that the certificate was made for; the service's own certificate stands first in its file",
            ) from error
        raise ConfigError(
            f"{certificate} with {key} is refused: {_reason(error)}",
            where=f"{where}.certificate",
            remedy="openssl x509 -noout -text -in FILE shows what it holds",
        ) from error
    return context


def _valid(context: ssl.SSLContext, leaf: str, spec: TlsSpec, where: str, is_shown: bool, now: datetime) -> str:
    """Shake hands in memory, as a client that trusts this certificate alone: it is judged as a client would."""
    try:
        ends = _handshake(context, leaf)
    except ssl.SSLCertVerificationError as error:
        reason = {_EXPIRED: "has expired", _NOT_YET: "is not valid yet"}.get(
            error.verify_code, f"is refused: {error.verify_message}"
        )
        said = f"the certificate in {spec.certificate} {reason}"
        if is_shown and error.verify_code == _EXPIRED:
            return f"{said}, and users are shown it already: renew it, and deploy again"
        raise ConfigError(said, where=f"{where}.certificate", remedy="renew it, and deploy again") from error
    except ssl.SSLError as error:
        raise ConfigError(
            f"{spec.certificate} is refused: {_reason(error)}",
            where=f"{where}.certificate",
            remedy="openssl x509 -noout -text -in FILE shows what it holds",
        ) from error
    left = (ends - now).total_seconds()
    return f"the certificate in {spec.certificate} ends in {max(0, int(left // 86400))} days" if left < SOON else ""


def _handshake(server: ssl.SSLContext, leaf: str) -> datetime:
    """When the certificate ends. Raises ssl.SSLError."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(cadata=leaf)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server)
    answering = server.wrap_bio(to_server, to_client, server_side=True)
    waiting = [asking, answering, asking, answering]
    for side in waiting:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    ends = (asking.getpeercert() or {}).get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(ends)), UTC)


def _authorities(spec: TlsSpec, where: str) -> str:
    if not spec.upstream_ca:
        return ""
    where = f"{where}.upstream_ca"
    found = "".join(_blocks(_text(spec.upstream_ca, where), "CERTIFICATE"))
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=found)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"{spec.upstream_ca} holds no certificate in PEM form that can be used",
            where=where,
            remedy="write the file with the authority that signs the containers' certificates, or such a certificate itself",
        ) from error
    return found


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or "it cannot be read").lower().replace("_", " ")
