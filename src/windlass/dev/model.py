"""The Compose model of a developer's machine: the user's own, on images that are there already. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from windlass.compose.load import ComposeModel
from windlass.deploy.docker import naming
from windlass.dev.choice import Choice


def to_run(model: ComposeModel, choice: Choice, images: Mapping[str, str]) -> ComposeModel:
    """The model with the chosen services only, each on its image.

    Bind mounts, volumes, ports and names stay as the user wrote them: the containers are the ones that
    `docker compose up` would make.

    Args:
        model: as `compose.load` returned it; not changed.
        images: service → image reference, for every chosen service that has a `build`.
    """
    result = copy.deepcopy(model)
    services = {name: result["services"][name] for name in choice.services}
    awaited = {
        needed
        for service in result["services"].values()  # whoever waits: it must not change with what is chosen
        for needed, how in (service.get("depends_on") or {}).items()
        if (how or {}).get("condition") == "service_completed_successfully"
    }
    for name, service in services.items():
        for key in [key for key in service if key in ("profiles", "develop") or key.startswith("x-")]:
            del service[key]
        if name in images:
            service.pop("build", None)
            service["image"] = images[name]
            service["pull_policy"] = "never"
        if service.get("depends_on"):
            service["depends_on"] = {key: how for key, how in service["depends_on"].items() if key in services}
        if name in awaited:
            service["labels"] = {**(service.get("labels") or {}), naming.ONE_SHOT: "true"}
    result["services"] = services
    return result
