"""TLS that ends at the edge: what it shows to users, and how it speaks to the containers behind it. Pure.

Private keys are on their way through here only: they are in no document, no comparison and no `repr`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from windlass.model.secret import Secret

FOLDER = "/tmp/windlass-tls"
"""Where an edge container keeps certificates and keys; only its own user may read them."""

GIVEN = "/run/secrets"
"""Where Compose puts an edge's secrets before it starts; they are copied to `FOLDER` then."""

_PREFIX = "windlass-tls."


@dataclass(frozen=True, slots=True)
class Tls:
    """One port where TLS ends and begins again.

    `certificate` is the fingerprint of what users are shown, `bundle` its chain and private key (PEM), None where only the
    fingerprint is known. `authority` is the fingerprint of `authorities` (PEM), which vouch for the containers; "" lets
    every container in. `name` is asked for by SNI and has to be in a container's certificate; "" passes on what the
    client asked for.
    """

    certificate: str
    authority: str = ""
    name: str = ""
    bundle: Secret | None = field(default=None, repr=False, compare=False)
    authorities: str = field(default="", repr=False, compare=False)

    @property
    def way(self) -> tuple[str, str]:
        """What only a new configuration can change; another certificate is no reason for one."""
        return self.authority, self.name


Ends = Mapping[str, Mapping[int, Tls]]
"""Service → port → how TLS ends there."""


def fingerprint(pem: str) -> str:
    """A short name of a certificate chain, which tells the key too: each certificate has one."""
    return sha256(pem.encode()).hexdigest()[:16]


def bundle_name(service: str, port: int) -> str:
    """The file of a port's certificate, in `FOLDER` and in `GIVEN`; it stays the same when the certificate is renewed."""
    return f"{_PREFIX}{service}_{port}.pem"


def authority_name(service: str, port: int, tls: Tls) -> str:
    return f"{_PREFIX}{service}_{port}.ca-{tls.authority}.pem"


def files(ends: Ends) -> dict[str, Secret | None]:
    """File name → content, None where it is not known here."""
    found: dict[str, Secret | None] = {}
    for service, port, tls in each(ends):
        found[bundle_name(service, port)] = tls.bundle
        if tls.authority:
            found[authority_name(service, port, tls)] = Secret(tls.authorities) if tls.authorities else None
    return found


def variable(file: str) -> str:
    """The variable in which Compose is given a file: names of services may hold what names of variables may not."""
    return f"WINDLASS_TLS_{sha256(file.encode()).hexdigest()[:16].upper()}"


def renewed(before: Ends, after: Ends) -> dict[str, Secret]:
    """File name → content, for certificates that are to be shown in another's place."""
    return {
        bundle_name(service, port): tls.bundle
        for service, port, tls in each(after)
        if tls.bundle is not None and tls != before.get(service, {}).get(port)
    }


def ways(ends: Ends) -> dict[tuple[str, int], tuple[str, str]]:
    return {(service, port): tls.way for service, port, tls in each(ends)}


def each(ends: Ends) -> Iterable[tuple[str, int, Tls]]:
    return ((service, port, tls) for service, ports in sorted(ends.items()) for port, tls in sorted(ports.items()))


def bind(service: str, port: int) -> str:
    """Words for a listener (5.1, "crt", "alpn", "ssl-min-ver")."""
    return f" ssl crt {FOLDER}/{bundle_name(service, port)} alpn h2,http/1.1 ssl-min-ver TLSv1.2"


def server(service: str, port: int, tls: Tls) -> str:
    """Words for a server (5.2, "verify", "verifyhost", "sni", "alpn"): HTTP/2 where the container offers it."""
    asked = f"sni str({tls.name})" if tls.name else "sni ssl_fc_sni"
    if not tls.authority:
        return f" ssl verify none {asked} alpn h2,http/1.1"
    trusted = f"ca-file {FOLDER}/{authority_name(service, port, tls)}"
    return f" ssl verify required {trusted} {asked} verifyhost {tls.name} alpn h2,http/1.1"


def to_document(ends: Ends) -> dict[str, Any]:
    return {
        service: {str(port): [tls.certificate, tls.authority, tls.name] for port, tls in ports.items()}
        for service, ports in ends.items()
    }


def from_document(document: Mapping[str, Any]) -> dict[str, dict[int, Tls]]:
    """Raises ValueError, TypeError, IndexError or AttributeError when it is not what `to_document` makes."""
    return {
        service: {int(port): Tls(str(said[0]), str(said[1]), str(said[2])) for port, said in ports.items()}
        for service, ports in document.items()
    }
