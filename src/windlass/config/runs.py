"""Which service of an environment's Compose files runs which image of the project. Pure."""

from __future__ import annotations

from typing import Any

from windlass.model.project import Project


def runs(model: dict[str, Any], project: Project) -> dict[str, str]:
    """Compose service → project service whose image it runs, for a loaded Compose model.

    A service of the same name that has a build here too runs its own image; otherwise the repository part of `image:`
    decides, whatever registry and tag stand around it. Third-party images are not in the answer.
    """
    by_name = {service.name: service for service in project.buildable}
    by_image = {service.image: service.name for service in project.buildable}
    found: dict[str, str] = {}
    for name, service in model.get("services", {}).items():
        image = str(service.get("image") or "")
        repository = image.partition("@")[0]
        repository = repository.rpartition(":")[0] if ":" in repository.rpartition("/")[2] else repository
        if name in by_name and (service.get("build") or by_name[name].image == repository.rpartition("/")[2]):
            found[name] = name
            continue
        parts = repository.split("/")
        candidates = ("/".join(parts[at:]) for at in range(len(parts)))
        match = next((by_image[candidate] for candidate in candidates if candidate in by_image), None)
        if match is not None:
            found[name] = match
    return found
