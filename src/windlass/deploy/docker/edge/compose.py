"""Models for Compose: services that can stand beside themselves, and the edges. Pure."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from windlass.compose.load import ComposeModel
from windlass.deploy.docker import naming
from windlass.deploy.docker.edge.allocate import Edge
from windlass.deploy.docker.edge.client import start_command
from windlass.deploy.docker.edge.layout import Fronted
from windlass.deploy.docker.edge.tls import files, variable

_KEY = re.compile(r"^(?P<service>.+)\.[0-9a-f]{8}$")


def without_front(model: ComposeModel, fronted: Mapping[str, Fronted]) -> ComposeModel:
    """The model where services behind the edge publish nothing and have no names: the edge has them.

    The configuration hash is taken of this one: another published port is the edge's matter alone.
    """
    services: dict[str, Any] = {}
    for name, service in model["services"].items():
        if name not in fronted:
            services[name] = service
            continue
        bare = {key: value for key, value in service.items() if key not in ("ports", "expose")}
        bare["networks"] = {
            key: {k: v for k, v in (network or {}).items() if k != "aliases"} or None
            for key, network in (service.get("networks") or {}).items()
        }
        bare["labels"] = {**(service.get("labels") or {}), naming.FRONTED: "true"}
        services[name] = bare
    return {**model, "services": services}


def instance(service: str, config_hash: str, image_id: str, taken: Collection[str] = (), *, replicas: int = 1) -> str:
    """The Compose service under which one configuration of a service runs, so that two have room beside each other.

    Args:
        replicas: how many containers of it run: under one name Compose would end those that are too many, with the requests
            they have.
        taken: names of containers that are about to go, and must not be taken for running ones.
    """
    for again in itertools.count():
        text = f"{config_hash} {image_id}" + (f" x{replicas}" if replicas > 1 else "") + (f" {again}" if again else "")
        name = f"{service}.{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        if name not in taken:
            return name
    raise AssertionError


def service_of(key: str) -> str:
    """The service of an instance's name; any other name as it is."""
    match = _KEY.match(key)
    return match["service"] if match else key


def renamed(model: ComposeModel, names: Mapping[str, str]) -> ComposeModel:
    """The model with some services under other names, also where others depend on them."""
    services = {}
    for name, service in model["services"].items():
        order = {names.get(other, other): how for other, how in (service.get("depends_on") or {}).items()}
        services[names.get(name, name)] = {**service, "depends_on": order} if order else service
    return {**model, "services": services}


def labels_of(model: ComposeModel) -> dict[str, str]:
    """The labels that all containers of an environment have."""
    known: dict[str, str] = next((service.get("labels") or {} for service in model["services"].values()), {})
    return {key: known[key] for key in (naming.PROJECT, naming.ENVIRONMENT) if key in known}


def place_for(edge: Edge, taken: Collection[str]) -> str:
    """The Compose service under which an edge is made while another of its name still runs."""
    text = json.dumps(to_document(edge), sort_keys=True)
    return edge.name if edge.name not in taken else instance(edge.name, text, "", taken)


def edge_services(
    edges: Iterable[Edge],
    configs: Mapping[str, str],
    *,
    image: str,
    labels: Mapping[str, str],
    taken: Collection[str] = (),
) -> dict[str, Any]:
    """Compose services that run the edges.

    Args:
        configs: the first configuration of each.
        taken: Compose services of edges that run until these start.
        labels: as `labels_of` gives them.
    """
    return {place_for(edge, taken): _edge_service(edge, image, labels, configs[edge.name]) for edge in edges}


def _edge_service(edge: Edge, image: str, labels: Mapping[str, str], config: str) -> dict[str, Any]:
    return {
        "image": image,
        "pull_policy": "never",
        "entrypoint": [part.replace("$", "$$") for part in start_command()],
        "command": [],
        "environment": {"WINDLASS_EDGE": config.replace("$", "$$")},
        "restart": "always",
        "stop_signal": "SIGTERM",
        "stop_grace_period": "2s",
        **({"secrets": [{"source": name, "target": name} for name in edge.secrets]} if edge.secrets else {}),
        "networks": {key: {"aliases": list(names)} for key, names in edge.networks.items()},
        "ports": [
            {
                "mode": "ingress",
                "target": port.target,
                "protocol": "tcp",
                **({"published": port.published} if port.published else {}),
                **({"host_ip": port.host_ip} if port.host_ip else {}),
            }
            for port in edge.published
        ],
        "labels": {
            **labels,
            naming.EDGE: json.dumps(to_document(edge), sort_keys=True).replace("$", "$$"),
        },
    }


def with_certificates(model: ComposeModel, fronted: Mapping[str, Fronted]) -> tuple[ComposeModel, dict[str, str]]:
    """The model with the secrets that edges are given (`Edge.secrets`), and the variables that hold them: Compose takes
    them from its environment, so that they are in no file and no command."""
    found = files({name: service.tls for name, service in fronted.items()})
    if not found:
        return model, {}
    secrets = {**(model.get("secrets") or {}), **{name: {"environment": variable(name)} for name in found}}
    return {**model, "secrets": secrets}, {variable(n): held.reveal() for n, held in found.items() if held is not None}


def to_document(edge: Edge) -> dict[str, Any]:
    """What an edge was made for, as it stands in its container's label."""
    return {
        "name": edge.name,
        "services": list(edge.services),
        "networks": {key: list(names) for key, names in edge.networks.items()},
        "published": [[port.target, port.published, port.host_ip] for port in edge.published],
    }
