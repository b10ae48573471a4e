"""Checking what stands beside the release that serves. Pure."""

from __future__ import annotations

from dataclasses import replace

from windlass.deploy.interface import Checked
from windlass.model.events import Emit, Event, Notice, ServiceProgress
from windlass.model.release import BEFORE_SWITCH, Release


def beside_only(checked: Checked) -> Release:
    """The release as far as it can be asked before the switch: the checks of all other services wait until after it."""
    release = checked.prepared.release
    known = {change.service for change in checked.prepared.changes} | {service.name for service in release.services}
    later = sorted(known - set(checked.services) - {name for name, _ in release.excluded})
    return replace(
        release,
        services=tuple(service for service in release.services if service.name in checked.services),
        excluded=(
            *release.excluded,
            *((name, "it is checked after the switch") for name in later),
            (BEFORE_SWITCH, "nobody reaches it yet"),
        ),
    )


def quietly(emit: Emit) -> Emit:
    """A sink for checks that are part of the deployment: what they are at, without a verdict of their own."""

    def hear(event: Event) -> None:
        if isinstance(event, ServiceProgress):
            emit(ServiceProgress("deploy", event.service, f"before the switch: {event.message}"))
        elif isinstance(event, Notice):
            emit(event)

    return hear
