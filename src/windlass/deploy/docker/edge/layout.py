"""Which services can run twice for a while, and what the edge carries for them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from windlass.deploy.docker import naming
from windlass.deploy.docker.edge.tls import Tls
from windlass.model.project import HealthCheck

RUNTIME_PORT = 64999
"""Where the edge listens for commands, on its own loopback address."""

RUNS_ONCE = "it runs once and ends"

Mode: TypeAlias = Literal["http", "tcp", "auto", "https"]
"""`http`: requests of one connection may go to different servers. `tcp`: a connection stays where it is, and its bytes are
not looked at. `auto`: decided by what a client sends first. `https`: as http, within TLS that ends at the edge."""

_SHARED = ("network_mode", "pid", "ipc")
_OWN_NETWORK = ("", "bridge", "default")
_MODES: dict[str, Mode] = {"http": "http", "ws": "http", "https": "tcp", "tls": "tcp", "wss": "tcp", "tcp": "tcp"}


@dataclass(frozen=True, slots=True)
class Publication:
    """A container port that is reached from outside. `published` is "" where the engine chooses, or a port or a range."""

    target: int
    published: str
    host_ip: str = ""


@dataclass(frozen=True, slots=True)
class Fronted:
    """A service behind the edge: its TCP ports and how each is carried, and its names on each network. `tls` has the
    ports that are carried as `https`."""

    service: str
    ports: Mapping[int, Mode]
    published: tuple[Publication, ...]
    networks: Mapping[str, tuple[str, ...]]
    tls: Mapping[int, Tls] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What an image says about itself: the TCP ports it exposes, the volumes it declares."""

    ports: tuple[int, ...] = ()
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """`fronted` are behind the edge; `workers` stand beside their old containers without one, for nobody connects to them;
    `in_place` maps each other service to why it is stopped and started."""

    fronted: Mapping[str, Fronted] = field(default_factory=dict)
    in_place: Mapping[str, str] = field(default_factory=dict)
    workers: frozenset[str] = frozenset()

    @property
    def beside(self) -> frozenset[str]:
        """The services whose new containers start beside the old ones."""
        return self.workers | self.fronted.keys()


def lay_out(
    services: Mapping[str, Mapping[str, Any]],
    *,
    images: Mapping[str, ImageFacts],
    health: Iterable[HealthCheck] = (),
    singletons: Iterable[str] = (),
    writable: Callable[[str], bool] = lambda source: False,
) -> Layout:
    """Decide for every service of a model to run.

    Args:
        services: as `model.to_run` gives them.
        images: what each service's image says.
        health: checks of the project, which tell what a port speaks.
        singletons: services of which the user said that two must not run at once.
        writable: whether a bind mount's source is something that two containers must not write to at once.
    """
    single, checks = frozenset(singletons), list(health)
    hosts = {name for service in services.values() for name in _hosts(service)}
    jobs = {
        needed
        for service in services.values()
        for needed, how in (service.get("depends_on") or {}).items()
        if (how or {}).get("condition") == "service_completed_successfully"
    }
    fronted: dict[str, Fronted] = {}
    in_place: dict[str, str] = {}
    workers: set[str] = set()
    for name, service in services.items():
        facts = images.get(name, ImageFacts())
        ports = _ports(name, service, facts, checks)
        reason = _why_once(name, service, facts, ports, hosts, writable)
        if name in jobs:
            reason = RUNS_ONCE
        elif name in single:
            reason = "two of it must not run at once (singleton)"
        if reason:
            in_place[name] = reason
        elif ports:
            fronted[name] = Fronted(name, ports, _published(service), names_on_networks(name, service))
        elif caller := _caller(name, services):
            in_place[name] = f"nothing says on which port it listens, and {caller} may call it"
        else:
            workers.add(name)
    return Layout(fronted, in_place, frozenset(workers))


def _caller(name: str, services: Mapping[str, Mapping[str, Any]]) -> str:
    """Another service that seems to reach this one by name; "" when none does. Two containers behind one name would share
    its calls before the new one has been checked."""
    names = {alias for aliases in names_on_networks(name, services[name]).values() for alias in aliases} | {name}
    address = re.compile(
        "|".join(rf"(?://|@){re.escape(n)}(?![\w.-])|(?<![\w.-]){re.escape(n)}:\d" for n in sorted(names))
    )
    for other, service in services.items():
        if other == name:
            continue
        values = [str(value) for value in (service.get("environment") or {}).values()]
        said = [*values, *_words(service.get("command")), *_words(service.get("entrypoint"))]
        if name in (service.get("depends_on") or {}) or names & set(values) or any(map(address.search, said)):
            return other
    return ""


def _words(said: object) -> list[str]:
    return [str(word) for word in said] if isinstance(said, (list, tuple)) else [str(said or "")]


def _why_once(
    name: str,
    service: Mapping[str, Any],
    facts: ImageFacts,
    ports: Mapping[int, Mode],
    hosts: set[str],
    writable: Callable[[str], bool],
) -> str:
    """Why two of it cannot run beside each other; "" when they can."""
    if (service.get("labels") or {}).get(naming.ONE_SHOT) and not ports:
        return RUNS_ONCE
    for mount in service.get("volumes") or ():
        if mount.get("type") == "volume" and not mount.get("read_only"):
            return f"it owns the volume {mount.get('source') or mount.get('target')}"
        if mount.get("type") == "bind" and not mount.get("read_only") and writable(str(mount["source"])):
            return f"it writes to {mount.get('target')}, which is on this machine"
    mounted = {str(mount.get("target")) for mount in service.get("volumes") or ()}
    kept = [volume for volume in facts.volumes if volume not in mounted and volume not in _tmpfs(service)]
    if kept:
        return f"its image keeps data in {kept[0]}"
    for key in _SHARED:
        value = str(service.get(key) or "")
        if value not in _OWN_NETWORK and value not in ("private", "shareable"):
            return f"{key} is {value.partition(':')[0]}"
    if name in hosts:
        return "another service lives in its namespace or uses its volumes"
    if service.get("volumes_from") or service.get("links") or service.get("external_links"):
        return "it is bound to containers by volumes_from or links"
    if service.get("devices") or _reserved_devices(service):
        return "it uses a device"
    for network in (service.get("networks") or {}).values():
        if network and any(
            network.get(key) for key in ("ipv4_address", "ipv6_address", "mac_address", "link_local_ips")
        ):
            return "its address is fixed"
    if service.get("mac_address"):
        return "its address is fixed"
    other = next((port for port in service.get("ports") or () if (port.get("protocol") or "tcp") != "tcp"), None)
    if other is not None:
        return f"it publishes a port over {other['protocol']}"
    if not service.get("networks"):
        return "it has no network"
    if RUNTIME_PORT in ports:
        return f"the edge needs the port {RUNTIME_PORT} for itself"
    return ""


def _tmpfs(service: Mapping[str, Any]) -> set[str]:
    said = service.get("tmpfs") or ()
    return {str(entry).partition(":")[0] for entry in ([said] if isinstance(said, str) else said)}


def _hosts(service: Mapping[str, Any]) -> set[str]:
    named = {str(service.get(key) or "") for key in _SHARED}
    found = {value.removeprefix("service:") for value in named if value.startswith("service:")}
    return found | {str(entry).partition(":")[0] for entry in service.get("volumes_from") or ()}


def _reserved_devices(service: Mapping[str, Any]) -> bool:
    resources = (service.get("deploy") or {}).get("resources") or {}
    return bool((resources.get("reservations") or {}).get("devices"))


def _ports(name: str, service: Mapping[str, Any], facts: ImageFacts, checks: Iterable[HealthCheck]) -> dict[int, Mode]:
    """Every TCP port that somebody says the service listens on, and what it speaks as far as that is said."""
    found: dict[int, Mode] = dict.fromkeys(facts.ports, "auto")
    for entry in service.get("expose") or ():
        number, _, protocol = str(entry).partition("/")
        if number.isdigit() and protocol in ("", "tcp"):
            found[int(number)] = "auto"
    said: dict[int, Mode] = {}
    for port in service.get("ports") or ():
        if (port.get("protocol") or "tcp") == "tcp":
            found.setdefault(int(port["target"]), "auto")
            mode = _MODES.get(str(port.get("app_protocol") or "").lower())
            if mode:
                said[int(port["target"])] = mode
    for check in checks:
        if check.service == name:
            found[check.port] = "http" if check.scheme == "http" else "tcp"
    return dict(sorted((found | said).items()))


def _published(service: Mapping[str, Any]) -> tuple[Publication, ...]:
    return tuple(
        Publication(int(port["target"]), str(port.get("published") or ""), str(port.get("host_ip") or ""))
        for port in service.get("ports") or ()
    )


def names_on_networks(name: str, service: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Network → the names that a service answers to there."""
    return {
        key: tuple(dict.fromkeys((name, *((network or {}).get("aliases") or ()))))
        for key, network in (service.get("networks") or {}).items()
    }
