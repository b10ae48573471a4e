"""Names that lead to services, read from the first message of a TLS connection that is passed on as it is. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

Routes: TypeAlias = Mapping[int, Mapping[str, tuple[str, int]]]
"""Published port → name that clients ask for → service and its container port."""


def change(before: Routes, after: Routes) -> str:
    """What becomes of the names, in a few words; "" for nothing."""
    there, wanted = _named(before), _named(after)
    said = [f"{name} leads to {wanted[name]}" for name in sorted(wanted) if there.get(name) != wanted[name]]
    said += [f"{name} leads nowhere" for name in sorted(there.keys() - wanted.keys())]
    return ", ".join(said)


def _named(routes: Routes) -> dict[str, str]:
    return {
        f"{name}:{port}": f"{service}:{target}"
        for port, names in routes.items()
        for name, (service, target) in names.items()
    }


def render(routes: Routes) -> Iterable[str]:
    """Listeners and servers of haproxy.cfg (7.3.5, "req.ssl_sni"). A name that nobody has, and what is no TLS, is closed."""
    for port, names in sorted(routes.items()):
        yield f"frontend sni_{port}"
        yield "  mode tcp"
        yield f"  bind *:{port}"
        yield "  tcp-request inspect-delay 5s"
        yield "  tcp-request content accept if { req.ssl_hello_type 1 }"
        yield "  tcp-request content reject"
        # One that is named whole goes before those that a star stands for, and the longer before the shorter.
        for name, place in sorted(names.items(), key=lambda item: (item[0].startswith("*"), -len(item[0]), item[0])):
            yield f"  use_backend {_backend(port, *place)} if {{ req.ssl_sni {_matching(name)} }}"
        for service, target in sorted(set(names.values())):
            yield f"backend {_backend(port, service, target)}"
            yield "  mode tcp"
            yield f"  server s1 {service}:{target} resolvers docker resolve-prefer ipv4 init-addr last,libc,none"


def _backend(port: int, service: str, target: int) -> str:
    return f"sni_{port}_{service}_{target}"


def _matching(name: str) -> str:
    """As names in certificates match (RFC 6125, 6.4.3): a star is one label."""
    if not name.startswith("*."):
        return f"-i {name}"
    return f"-m reg -i ^[^.]+{re.escape(name[1:])}$"


def to_document(routes: Routes) -> dict[str, Any]:
    return {str(port): {name: list(place) for name, place in names.items()} for port, names in routes.items()}


def from_document(document: Mapping[str, Any]) -> dict[int, dict[str, tuple[str, int]]]:
    """Raises ValueError, TypeError, IndexError or AttributeError when it is not what `to_document` makes."""
    return {
        int(port): {name: (str(place[0]), int(place[1])) for name, place in names.items()}
        for port, names in document.items()
    }
