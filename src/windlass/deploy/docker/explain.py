"""Ask the engine how containers differ from the services they should be."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from windlass.deploy.docker.differences import differences
from windlass.deploy.docker.engine import Docker


def explain(
    services: Mapping[str, Mapping[str, Any]], serving: Mapping[str, str], docker: Docker
) -> dict[str, tuple[str, ...]]:
    """Service → how its container differs, where it does.

    Args:
        services: of the model that Compose is given.
        serving: service → id of the container that serves it.
        docker: the engine it is on.
    """
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
        if document is not None and (said := differences(services[name], document, images.get(document["Image"]))):
            found[name] = said
    return found


def _inspect(docker: Docker, kind: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Those that are there; what is gone by now is left out."""
    unique = sorted(set(ids))
    if not unique:
        return []
    done = docker.run(["docker", "inspect", "--type", kind, *unique])
    return list(json.loads(done.stdout or "[]"))
