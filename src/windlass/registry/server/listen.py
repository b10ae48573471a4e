"""Where a registry may listen, and how it says who it is."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from windlass.errors import UsageError

IDENTITY = "windlass-registry"
"""The header on `/v2/` that says which server this is; its value is the version."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen. `host` is an IP address; `port` 0 is refused, because nobody could find it."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback


def parse_listen(text: str) -> Listen:
    """`127.0.0.1:5077`, `[::1]:5077` or `localhost:5077`.

    Raises:
        UsageError
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    host = "127.0.0.1" if host == "localhost" else host
    remedy = "write an address and a port, like 127.0.0.1:5077"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise UsageError(f"'{text}' is not an address to listen on", remedy=remedy) from None
    if not port.isascii() or not port.isdigit() or not 0 < int(port[:6]) < 65536:
        raise UsageError(f"'{text}' has no port between 1 and 65535", remedy=remedy)
    return Listen(host, int(port))


def check_exposure(
    address: Listen,
    open_to_everyone: bool = False,
    *,
    tls: bool = False,
    users: bool = False,
    plain_http: bool = False,
) -> None:
    """Refuse an address others can reach without TLS and users, unless that was asked for in as many words.

    Args:
        users: whether anybody can log in.
        plain_http: TLS ends in front of this server.

    Raises:
        UsageError
    """
    if tls and plain_http:
        raise UsageError("--plain-http contradicts a certificate", remedy="leave one of them out")
    if users and open_to_everyone:
        raise UsageError(
            "--open-to-everyone contradicts users", remedy="leave it out; or remove the files htpasswd and tokens.json"
        )
    if address.loopback or open_to_everyone or (users and (tls or plain_http)):
        return
    if users:
        raise UsageError(
            f"{address} can be reached from other machines, and passwords would travel unencrypted",
            remedy="add --tls-cert and --tls-key, or --tls-self-signed, or --plain-http if TLS ends in front of it",
        )
    lacking = "has no users" if tls or plain_http else "has neither TLS nor users"
    raise UsageError(
        f"{address} can be reached from other machines, and this registry {lacking}",
        remedy="listen on 127.0.0.1, or add users (windlass registry users add NAME) and TLS (--tls-cert, --tls-key), "
        "or add --open-to-everyone if anybody may read, write and delete",
    )
