"""Point `latest` and its like at a release that was verified."""

from __future__ import annotations

from windlass.model.events import Emit, Notice
from windlass.model.project import Environment
from windlass.model.release import Release, ReleasedService
from windlass.steps.tags import moving_tags
from windlass.steps.tools import Tools


def move_tags(release: Release, environment: Environment, tools: Tools, emit: Emit) -> tuple[str, ...]:
    """Move the environment's moving tags; which ones. A run by hand leaves a shared registry's alone, and says so. So does
    an image that the registry has no more and the environment does not run: its tags stay where they are."""
    tags = moving_tags(environment, release.branch)
    if not tags:
        return ()
    if tools.shared_registry and not tools.continuous_integration:
        emit(
            Notice(
                f"{', '.join(tags)} not moved: the registry is shared and this run is by hand", remedy="let CI deploy"
            )
        )
        return ()
    idle = [_key(service) for service in release.services if service not in release.active]
    gone = tools.images.missing(idle) if idle else frozenset()
    for service in release.services:
        if _key(service) not in gone:
            tools.images.tag(*_key(service), tags)
        else:
            emit(
                Notice(f"{service.name}: {', '.join(tags)} not moved: the registry has no {service.reference} any more")
            )
    return tags


def _key(service: ReleasedService) -> tuple[str, str]:
    return service.image.partition("/")[2], service.digest
