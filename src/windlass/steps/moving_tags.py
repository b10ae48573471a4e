"""Point `latest` and its like at a release that was verified."""

from __future__ import annotations

from windlass.model.events import Emit, Notice
from windlass.model.project import Environment
from windlass.model.release import Release
from windlass.steps.tags import moving_tags
from windlass.steps.tools import Tools


def move_tags(release: Release, environment: Environment, tools: Tools, emit: Emit) -> tuple[str, ...]:
    """Move the environment's moving tags; which ones. A run by hand leaves a shared registry's alone, and says so."""
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
    for service in release.services:
        tools.images.tag(service.image.partition("/")[2], service.digest, tags)
    return tags
