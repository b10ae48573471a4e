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


def check_exposure(address: Listen, open_to_everyone: bool) -> None:
    """Raises UsageError for an address others can reach, unless that was asked for in as many words."""
    if not address.loopback and not open_to_everyone:
        raise UsageError(
            f"{address} can be reached from other machines, and this registry has neither TLS nor users",
            remedy="listen on 127.0.0.1, or add --open-to-everyone if anybody may read, write and delete",
        )
