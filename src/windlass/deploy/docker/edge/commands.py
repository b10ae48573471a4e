"""From one state of an edge to another, as commands of HAProxy's runtime interface; and reading its answers. Pure.

Management guide of HAProxy, section 9.3, "Unix Socket commands".
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass

from windlass.deploy.docker.edge import tls
from windlass.deploy.docker.edge.render import Carried, Server, backends

_FORCED_MAINTENANCE, _FORCED_DRAIN = 0x01, 0x08


def needs_reload(before: Carried | None, after: Carried) -> bool:
    """Whether the listeners, how servers are spoken to, or the number of places differ, which no command can change."""
    return (
        before is None
        or before.ports != after.ports
        or _sizes(before) != _sizes(after)
        or tls.ways(before.tls) != tls.ways(after.tls)
        or before.routes != after.routes
    )


def _sizes(carried: Carried) -> dict[str, int]:
    return {service: len(carried.slots.get(service, ())) for service in carried.ports}


def transition(before: Carried | None, after: Carried, *, nowhere: str = "") -> tuple[str, ...]:
    """Commands that make `after` of `before`: first all that come, so that there is always somebody, then all that go.

    Connections that are there stay, also those of a container that goes: they end with it.

    Args:
        before: None where it is not known: everything is said then, of empty places too.
        nowhere: a name that can always be resolved, for places that are emptied: otherwise the name of a container that
            is gone would be asked for every second, of name servers outside too.
    """
    coming: list[str] = []
    going: list[str] = []
    for service, ports in after.ports.items():
        old, new = before.slots.get(service, ()) if before else (), after.slots.get(service, ())
        for number, server in enumerate(new, 1):
            was = old[number - 1] if number <= len(old) else None
            if before is not None and server == was:
                continue
            for port, mode in ports.items():
                for backend in backends(service, port, mode):
                    name = f"{backend}/s{number}"
                    if server is None or (server.state == "drain" and was is not None and was.id == server.id):
                        going.append(f"set server {name} state {'maint' if server is None else 'drain'}")
                        if server is None and nowhere:
                            going.append(f"set server {name} fqdn {nowhere}")
                    else:
                        coming += _bring(name, port, server, was)
    return (*coming, *going)


def _bring(name: str, port: int, server: Server, was: Server | None) -> list[str]:
    where: list[str] = []
    if was is None or was.id != server.id or was.address != server.address:
        # The address first: what the resolver says about the name comes a moment later, and is the same.
        where = [f"set server {name} addr {server.address} port {port}", f"set server {name} fqdn {server.host}"]
    return [*where, f"set server {name} state {server.state}"]


@dataclass(frozen=True, slots=True)
class Serving:
    """One line of `show servers state`."""

    address: str
    admin: int

    @property
    def ready(self) -> bool:
        return not self.admin & (_FORCED_MAINTENANCE | _FORCED_DRAIN)

    @property
    def in_maintenance(self) -> bool:
        return bool(self.admin & _FORCED_MAINTENANCE)


def parse_servers(printed: str) -> dict[str, Serving]:
    """`backend/server` → what it is, from `show servers state` (9.3.1: version line, header with `#`, one line a server)."""
    found: dict[str, Serving] = {}
    for line in printed.splitlines():
        part = line.split()
        if len(part) > 6 and part[0].isdigit() and part[2].isdigit():
            found[f"{part[1]}/{part[3]}"] = Serving(part[4], int(part[6]))
    return found


def connections(printed: str) -> int:
    """How many connections of clients there are, from `show info` (9.3); 0 where it does not say."""
    found = (line.partition(":") for line in printed.splitlines())
    return next((int(value) for key, _, value in found if key == "CurrConns" and value.strip().isdigit()), 0)


def differences(carried: Carried, servers: Mapping[str, Serving]) -> list[str]:
    """Where the running state is not the wanted one; one sentence each."""
    wrong: list[str] = []
    for service, ports in carried.ports.items():
        for number, server in enumerate(carried.slots.get(service, ()), 1):
            for port, mode in ports.items():
                for backend in backends(service, port, mode):
                    there = servers.get(f"{backend}/s{number}")
                    if there is None:
                        wrong.append(f"{service}: the edge does not know {backend}/s{number}")
                    elif (server is not None and server.state == "ready") != there.ready:
                        wrong.append(f"{service}: {backend}/s{number} is {'ready' if there.ready else 'not ready'}")
    return wrong


@dataclass(frozen=True, slots=True)
class Tally:
    """What a container has answered through the edge: requests and connections, and how many of them went wrong.

    `open` is the number of connections and requests under way.
    """

    total: int = 0
    errors: int = 0
    open: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.total + other.total, self.errors + other.errors, self.open + other.open)

    def since(self, other: Tally) -> Tally:
        return Tally(self.total - other.total, self.errors - other.errors, self.open)


def parse_stat(printed: str, carried: Carried) -> dict[str, Tally]:
    """Container id → tally, from `show stat` (9.1, "CSV format")."""
    lines = printed.splitlines()
    header = next((i for i, line in enumerate(lines) if line.startswith("# pxname")), None)
    if header is None:
        return {}
    lines[header] = lines[header].removeprefix("# ")
    rows = {(row["pxname"], row["svname"]): row for row in csv.DictReader(lines[header:]) if row.get("svname")}
    found: dict[str, Tally] = {}
    for service, ports in carried.ports.items():
        for number, server in enumerate(carried.slots.get(service, ()), 1):
            if server is None:
                continue
            for port, mode in ports.items():
                for backend in backends(service, port, mode):
                    row = rows.get((backend, f"s{number}"))
                    if row is not None:
                        errors = sum(_number(row, key) for key in ("hrsp_5xx", "econ", "eresp"))
                        tally = Tally(_number(row, "stot"), errors, _number(row, "scur"))
                        found[server.id] = found.get(server.id, Tally()) + tally
    return found


def _number(row: Mapping[str, str], key: str) -> int:
    value = row.get(key) or "0"
    return int(value) if value.isdigit() else 0
