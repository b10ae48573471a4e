"""The part of a release's model that a switch gives to Compose: what changes, and nothing that can stay. Pure.

Given the whole model, Compose stops the dependants of every container it replaces and starts them again. A service whose
image and configuration are the same must not notice a release of another one.
"""

from __future__ import annotations

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


def affected(model: ComposeModel, changed: Iterable[str]) -> frozenset[str]:
    """The changed services, and those that live in the namespace of one: these are lost when it is replaced."""
    found = set(changed)
    while more := {name for name, service in model["services"].items() if _hosts(service) & found} - found:
        found |= more
    return frozenset(found)


def part(model: ComposeModel, changed: Iterable[str]) -> ComposeModel:
    """The model with these services alone, in their own order; what they wait for otherwise is up already.

    Services that a changed one shares a namespace with stay in it, because Compose must find them.
    """
    chosen = set(changed)
    chosen |= {host for name in tuple(chosen) for host in _hosts(model["services"][name])}
    services: dict[str, Any] = {}
    for name, service in model["services"].items():
        if name in chosen:
            order = {other: how for other, how in (service.get("depends_on") or {}).items() if other in chosen}
            services[name] = {**service, "depends_on": order}
    return {**model, "services": services}


def _hosts(service: Mapping[str, Any]) -> set[str]:
    named = {str(service.get(key) or "") for key in _SHARED}
    named |= {f"service:{str(entry).partition(':')[0]}" for entry in service.get("volumes_from") or []}
    return {name.removeprefix("service:") for name in named if name.startswith("service:")}
