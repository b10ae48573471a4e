"""`environments.NAME.edge.sni`: one published port for several services, told apart by the name that a client asks for."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from windlass.model.project import SniSpec

_NAME = re.compile(
    r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_PLACE = re.compile(r"(?P<service>[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})")
_LONGEST = 253


def _port(key: Any) -> int:
    if isinstance(key, bool) or not (
        isinstance(key, int) or (isinstance(key, str) and re.fullmatch("[0-9]{1,5}", key))
    ):
        raise ValueError("expected published ports from 1 to 65535 as keys")
    if not 1 <= int(key) <= 65535:
        raise ValueError("expected published ports from 1 to 65535 as keys")
    return int(key)


def _routes(value: Any) -> Any:
    """Checked key by key: names are one whatever their case."""
    if not isinstance(value, dict):
        return value
    found: dict[int, dict[str, str]] = {}
    for key, names in value.items():
        port = _port(key)
        if not isinstance(names, dict) or not names:
            raise ValueError(
                "expected names with their services, such as {shop.example.org: 'shop:8443'}, for each port"
            )
        routes = found.setdefault(port, {})
        for name, place in names.items():
            if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > _LONGEST:
                raise ValueError("expected host names such as shop.example.org or *.example.org")
            if name.lower() in routes:
                raise ValueError(f"expected each name once, not {name.lower()} twice")
            told = _PLACE.fullmatch(place) if isinstance(place, str) else None
            if told is None or not 1 <= int(told["port"]) <= 65535:
                raise ValueError(f"expected SERVICE:PORT, with the container port, for {name}")
            routes[name.lower()] = place
    return found


Sni = Annotated[
    dict[int, dict[str, str]],
    BeforeValidator(_routes),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": {"type": "string", "pattern": f"^(?:{_PLACE.pattern.replace('?P<service>', '?:').replace('?P<port>', '?:')})$"},
            },
        }
    ),
]  # fmt: skip


def sni(routes: dict[int, dict[str, str]]) -> tuple[SniSpec, ...]:
    """The section as values, in its order."""
    return tuple(
        SniSpec(int(port), name, place.rpartition(":")[0], int(place.rpartition(":")[2]))
        for port, names in routes.items()
        for name, place in names.items()
    )
