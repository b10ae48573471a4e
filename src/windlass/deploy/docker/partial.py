"""The part of a release's model that a switch gives to Compose: what changes, and nothing that can stay. Pure.

Given the whole model, Compose stops the dependants of every container it replaces and starts them again. A service whose
image and configuration are the same must not notice a release of another one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from windlass.compose.load import ComposeModel
from windlass.deploy.docker import naming

_SHARED = ("network_mode", "ipc", "pid")
"""Keys by which a service lives in another one's namespace: `service:NAME`."""


def without_order(model: ComposeModel) -> ComposeModel:
    """The model to take configuration hashes from: the order of start says nothing about what runs."""
    services = {name: {**service, "depends_on": {}} for name, service in model["services"].items()}
    return {**model, "services": services}


def with_hashes(model: ComposeModel, hashes: Mapping[str, str]) -> ComposeModel:
    """The model with each service's configuration hash as a label, by which a running container is known again."""
    services = {
        name: {**service, "labels": {**(service.get("labels") or {}), naming.CONFIG: hashes[name]}}
        for name, service in model["services"].items()
    }
    return {**model, "services": services}


def with_resources(model: ComposeModel, hashes: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The hashes, where those of services with secrets or configs cover what these are made from as well.

    Compose's own covers their names alone, so that a new configuration file would reach nobody.

    Args:
        environ: the values of those that are made from a variable.
    """
    found = dict(hashes)
    for name, service in model["services"].items():
        used = [
            [kind, resource, environ.get(str(resource.get("environment")))]
            for kind in ("secrets", "configs")
            for one in service.get(kind) or ()
            if (resource := (model.get(kind) or {}).get(one["source"]))
        ]
        if used and name in hashes:
            text = json.dumps([hashes[name], used], sort_keys=True)
            found[name] = hashlib.sha256(text.encode()).hexdigest()
    return found


def affected(model: ComposeModel, changed: Iterable[str]) -> frozenset[str]:
    """The changed services, and those that cannot stay when one is replaced: they live in its namespace, or
    `depends_on` says `restart: true`."""
    found = set(changed)
    while more := {name for name, service in model["services"].items() if _bound_to(service) & found} - found:
        found |= more
    return frozenset(found)


def part(model: ComposeModel, changed: Iterable[str], there: Mapping[str, str]) -> ComposeModel:
    """The model with these services alone, in their own order; what they wait for otherwise is up already.

    A service that a changed one shares a namespace with, and that stays, is named by its container: were it in the model,
    without what it depends on, Compose would take it for a changed one.

    Args:
        there: service → id of a container that stays.
    """
    chosen = set(changed)
    services: dict[str, Any] = {}
    for name, service in model["services"].items():
        if name in chosen:
            order = {other: how for other, how in (service.get("depends_on") or {}).items() if other in chosen}
            stay = {host: id for host, id in there.items() if host not in chosen}
            services[name] = {**service, **_by_container(service, stay), "depends_on": order}
    return {**model, "services": services}


def replicas(service: Mapping[str, Any]) -> int:
    """How many containers a Compose service is to have."""
    wanted = service.get("scale", (service.get("deploy") or {}).get("replicas"))
    return 1 if wanted is None else int(wanted)


def _by_container(service: Mapping[str, Any], stay: Mapping[str, str]) -> dict[str, Any]:
    """The keys by which a service shares something with others, where those that stay are `container:ID`."""
    found: dict[str, Any] = {}
    for key in _SHARED:
        kind, _, host = str(service.get(key) or "").partition(":")
        if kind == "service" and host in stay:
            found[key] = f"container:{stay[host]}"
    if service.get("volumes_from"):
        found["volumes_from"] = [
            f"container:{stay[host]}{colon}{mode}" if host in stay else entry
            for entry in service["volumes_from"]
            for host, colon, mode in [str(entry).partition(":")]
        ]
    return found


def _bound_to(service: Mapping[str, Any]) -> set[str]:
    order = service.get("depends_on") or {}
    return _hosts(service) | {name for name, how in order.items() if (how or {}).get("restart")}


def _hosts(service: Mapping[str, Any]) -> set[str]:
    named = {str(service.get(key) or "") for key in _SHARED}
    named |= {f"service:{str(entry).partition(':')[0]}" for entry in service.get("volumes_from") or []}
    return {name.removeprefix("service:") for name in named if name.startswith("service:")}
