"""haproxy.cfg from what an edge carries and where its servers are. Pure.

The file is kept equal to the state that runs, so that an edge that was restarted serves the same. Servers are named by
container id: Docker's own resolver follows a container that comes back under another address. HAProxy 2.4 and later;
keywords: its configuration manual, "bind", "resolvers", "server".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from windlass.deploy.docker.edge import routes, tls
from windlass.deploy.docker.edge.layout import RUNTIME_PORT, Mode

SPARE = 8
"""Servers that are declared for each service at least, so that a switch needs no other configuration."""

_CONNECT_MS, _RETRIES = 1600, 2
"""On one host a container answers in less than a millisecond; a lost SYN is sent again after a second. A user waits for less
than 5 s in all until it is said that nobody is there."""

CLOSING = "windlass-closing"
"""A backend without traffic: while its server is ready, every HTTP/1 response ends its connection. A process that goes closes
connections that are idle, and a client may be about to ask (`idle-close-on-response` is for listeners of mode http alone)."""

_UNKNOWN_MS = 100
_HTTP_MS = 10_000
_MARK = "# windlass "


@dataclass(frozen=True, slots=True)
class Server:
    """A container behind the edge. `id` is its full id; "drain" keeps what it has and gets nothing new."""

    id: str
    address: str
    state: Literal["ready", "drain"] = "ready"

    @property
    def host(self) -> str:
        """The name under which Docker's resolver knows it on every network it is on."""
        return self.id[:12]


Slots = tuple[Server | None, ...]


@dataclass(frozen=True, slots=True)
class Carried:
    """What one edge carries: service → port → how, and service → its servers, in places that are never moved. `tls` has
    the ports that are carried as `https`; `routes` the names that lead to services by SNI."""

    ports: Mapping[str, Mapping[int, Mode]]
    slots: Mapping[str, Slots]
    tls: tls.Ends = field(default_factory=dict)
    routes: routes.Routes = field(default_factory=dict)

    def ready(self, service: str) -> tuple[Server, ...]:
        return tuple(s for s in self.slots.get(service, ()) if s is not None and s.state == "ready")


def place(before: Slots, wanted: Sequence[Server]) -> Slots:
    """The servers in their places: those that are there stay where they are, new ones take free places."""
    by_id = {server.id: server for server in wanted}
    slots = [by_id.pop(old.id, None) if old is not None else None for old in before]
    slots += [None] * max(0, SPARE - len(slots))
    for server in by_id.values():
        if None not in slots:
            slots += [None] * SPARE
        slots[slots.index(None)] = server
    return tuple(slots)


def backends(service: str, port: int, mode: Mode) -> tuple[str, ...]:
    """The names of the backends that lead to a port: two where requests and plain connections are told apart."""
    base = f"{service}_{port}"
    if mode == "https":
        return (f"{base}_http",)
    return (f"{base}_tcp",) if mode == "tcp" else (f"{base}_http", f"{base}_tcp")


def render(carried: Carried, *, generation: str) -> str:
    """The configuration file.

    Args:
        generation: a word that tells this configuration from others; it is asked for to know that it is in force.
    """
    lines = [
        _MARK + json.dumps(to_document(carried), sort_keys=True),
        "global",
        "  maxconn 10000",
        "  no strict-limits",
        "  tune.bufsize 32768",
        "  hard-stop-after 24h",  # as long as a connection may say nothing: a reload cuts none before
        f"  description {generation}",
        f"  stats socket ipv4@127.0.0.1:{RUNTIME_PORT} level admin",
        "  stats socket /tmp/windlass-edge.sock mode 600 level admin expose-fd listeners",
        "defaults",
        "  maxconn 10000",
        f"  timeout connect {_CONNECT_MS}ms",
        "  timeout client 1h",
        "  timeout server 1h",
        "  timeout tunnel 24h",
        "  timeout http-keep-alive 5m",
        f"  retries {_RETRIES}",
        "  option redispatch 1",
        "  option dontlognull",
        "resolvers docker",
        "  nameserver docker 127.0.0.11:53",
        "  resolve_retries 2",
        "  timeout resolve 1s",
        "  timeout retry 1s",
        "  hold valid 1s",
        "  hold nx 10s",
        *(f"  hold {kind} 1h" for kind in ("other", "refused", "timeout")),
    ]
    for service, ports in sorted(carried.ports.items()):
        for port, mode in sorted(ports.items()):
            lines += _frontend(service, port, mode)
            for backend in backends(service, port, mode):
                lines += _backend(backend, port, carried.slots.get(service, ()), _words(carried, service, port))
    lines += routes.render(carried.routes)
    lines += [f"backend {CLOSING}", "  mode tcp", "  server closing 127.0.0.1:1 disabled"]
    return "\n".join(lines) + "\n"


def _frontend(service: str, port: int, mode: Mode) -> list[str]:
    """A listener. It speaks TCP until it has seen a request (7.3.5, "req.proto_http"); HTTP/2 without TLS stays TCP, for the
    way to the server would be HTTP/1."""
    if mode == "https":
        listener = f"  bind *:{port}{tls.bind(service, port)}"
        return [f"frontend {service}_{port}", "  mode http", listener, f"  default_backend {service}_{port}_http"]
    lines = [f"frontend {service}_{port}", "  mode tcp", f"  bind *:{port}"]
    if mode != "tcp":
        lines += [
            f"  tcp-request inspect-delay {_HTTP_MS if mode == 'http' else _UNKNOWN_MS}ms",
            '  acl h2 req.payload(0,6) -m str "PRI * "',
            "  tcp-request content accept if HTTP",
            "  tcp-request content accept if { req.len gt 0 }",
            f"  use_backend {service}_{port}_http if !h2 HTTP",
        ]
    return [*lines, f"  default_backend {service}_{port}_tcp"]


def _words(carried: Carried, service: str, port: int) -> str:
    """What the servers of a port are told beside their addresses."""
    end = carried.tls.get(service, {}).get(port)
    return tls.server(service, port, end) if end is not None else ""


def _backend(name: str, port: int, slots: Slots, words: str) -> list[str]:
    http = name.endswith("_http")
    lines = [f"backend {name}", f"  mode {'http' if http else 'tcp'}", "  balance leastconn"]
    if http:
        lines += [
            "  option forwardfor if-none",
            "  retry-on conn-failure empty-response",
            "  http-request disable-l7-retry unless METH_GET",  # GET and HEAD (RFC 9110, 9.2.1); others are sent once
            f"  http-after-response set-header Connection close if {{ nbsrv({CLOSING}) gt 0 }} !{{ status 101 }}",
        ]
    for number, server in enumerate(slots, 1):
        host = "0.0.0.0" if server is None else server.host
        off = "" if server is not None and server.state == "ready" else " disabled"
        lines.append(
            f"  server s{number} {host}:{port} resolvers docker resolve-prefer ipv4 resolve-opts allow-dup-ip"
            f" init-addr last,libc,none{words}{off}"
        )
    return lines


def to_document(carried: Carried) -> dict[str, Any]:
    return {
        "ports": {
            service: {str(port): mode for port, mode in ports.items()} for service, ports in carried.ports.items()
        },
        "slots": {
            service: [None if s is None else [s.id, s.address, s.state] for s in slots]
            for service, slots in carried.slots.items()
        },
        **({"tls": tls.to_document(carried.tls)} if carried.tls else {}),
        **({"routes": routes.to_document(carried.routes)} if carried.routes else {}),
    }


def from_document(document: Mapping[str, Any]) -> Carried:
    """Raises ValueError, KeyError, TypeError or AttributeError when it is not what `to_document` makes."""
    return Carried(
        {service: {int(port): mode for port, mode in ports.items()} for service, ports in document["ports"].items()},
        {
            service: tuple(None if s is None else Server(s[0], s[1], s[2]) for s in slots)
            for service, slots in document["slots"].items()
        },
        tls.from_document(document.get("tls") or {}),
        routes.from_document(document.get("routes") or {}),
    )


def parse(text: str) -> Carried | None:
    """What a configuration file made here says about itself; None when it says nothing."""
    first = text.partition("\n")[0]
    if not first.startswith(_MARK):
        return None
    try:
        return from_document(json.loads(first.removeprefix(_MARK)))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None
