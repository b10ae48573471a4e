"""Published ports of an environment: mapped one by one, or all moved by an offset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from windlass.errors import ConfigError

_EVERYWHERE = ("", "0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class _Published:
    service: str
    protocol: str
    host_ip: str
    first: int
    last: int

    def clashes(self, other: _Published) -> bool:
        """Whether both claim a port of one address; the same port over IPv4 and over IPv6 is no clash."""
        if self.protocol != other.protocol or self.first > other.last or other.first > self.last:
            return False
        if not _families(self.host_ip) & _families(other.host_ip):
            return False
        return self.host_ip == other.host_ip or self.host_ip in _EVERYWHERE or other.host_ip in _EVERYWHERE

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def _families(host_ip: str) -> frozenset[int]:
    return frozenset((4, 6)) if not host_ip else frozenset((6 if ":" in host_ip else 4,))


def map_ports(
    services: Mapping[str, dict[str, Any]], *, ports: Mapping[int, int], offset: int, environment: str
) -> dict[str, list[dict[str, Any]]]:
    """The `ports` of each service as published in this environment. Ports that the engine chooses stay so.

    Args:
        services: Compose services by name; not changed.
        ports: published port → the one used here; a range is moved as a whole by its first port.
        offset: added to all others.

    Raises:
        ConfigError: two claim the same port, or one is above 65535.
    """
    mapped: dict[str, list[dict[str, Any]]] = {}
    claims: list[_Published] = []
    for name, service in services.items():
        mapped[name] = []
        for port in service.get("ports") or ():
            first, last = _range(str(port.get("published") or "0"))
            if first == 0:
                mapped[name].append(dict(port))
                continue
            start = ports.get(first, first + offset)
            claim = _Published(
                name, port.get("protocol") or "tcp", port.get("host_ip") or "", start, start + last - first
            )
            _accept(claim, claims, environment)
            mapped[name].append({**port, "published": str(claim)})
    return mapped


def _accept(claim: _Published, claims: list[_Published], environment: str) -> None:
    where = f"windlass.yaml: environments.{environment}"
    if not 0 < claim.first <= claim.last <= 65535:
        raise ConfigError(
            f"the port {claim} of {claim.service} is not between 1 and 65535",
            where=where,
            remedy="choose a smaller port_offset, or name the port under ports",
        )
    other = next((other for other in claims if claim.clashes(other)), None)
    if other is not None:
        raise ConfigError(
            f"{other.service} and {claim.service} would both publish port {claim}"
            if other.service != claim.service
            else f"{claim.service} would publish port {claim} twice",
            where=where,
            remedy="give one of them another port under ports",
        )
    claims.append(claim)


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last or first)
