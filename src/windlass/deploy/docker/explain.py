"""Ask the engine how containers differ from the services they should be."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from windlass.deploy.docker.differences import differences, hidden
from windlass.deploy.docker.engine import Docker


def explain(
    model: Mapping[str, Any], serving: Mapping[str, str], docker: Docker, changed: Collection[str] = ()
) -> dict[str, tuple[str, ...]]:
    """Service → how its container differs, where it does.

    Args:
        model: what Compose is given.
        serving: service → id of the container that serves it.
        docker: the engine it is on.
        changed: services that have another configuration, whether that is seen or not.
    """
    services: Mapping[str, Mapping[str, Any]] = model["services"]
    names = [name for name in serving if name in services]
    documents = {
        document["Id"]: document for document in _inspect(docker, "container", [serving[name] for name in names])
    }
    images = {
        document["Id"]: document for document in _inspect(docker, "image", [d["Image"] for d in documents.values()])
    }
    found = {}
    for name in names:
        document = documents.get(serving[name])
        if document is None:
            continue
        said = differences(services[name], document, images.get(document["Image"]), model)
        if said or (name in changed and (said := hidden(services[name], model))):
            found[name] = said
    return found


def _inspect(docker: Docker, kind: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Those that are there; what is gone by now is left out."""
    unique = sorted(set(ids))
    if not unique:
        return []
    done = docker.run(["docker", "inspect", "--type", kind, *unique])
    return list(json.loads(done.stdout or "[]"))
