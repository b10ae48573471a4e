"""Services that nobody connects to, made so that new containers have room beside the old ones. Pure."""

from __future__ import annotations

from collections.abc import Collection

from windlass.compose.load import ComposeModel
from windlass.deploy.docker import naming


def with_room(model: ComposeModel, workers: Collection[str]) -> ComposeModel:
    """The model where workers are known again by a label, and keep their names on their networks: Compose gives them only
    the one they are started under."""
    services = dict(model["services"])
    for name in workers:
        service = services[name]
        services[name] = {
            **service,
            "labels": {**(service.get("labels") or {}), naming.WORKER: "true"},
            "networks": {
                key: {
                    **(network or {}),
                    "aliases": list(dict.fromkeys((name, *((network or {}).get("aliases") or ())))),
                }
                for key, network in (service.get("networks") or {}).items()
            },
        }
    return {**model, "services": services}
