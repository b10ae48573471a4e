"""Which checks a release is held to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

from windlass.errors import ConfigError
from windlass.model.project import HealthCheck, Project
from windlass.model.release import BEFORE_SWITCH, Release
from windlass.verify.api import Suite


def checks_for(project: Project, release: Release) -> tuple[HealthCheck, ...]:
    """The health checks of the services that a release runs, under the names its environment gives them."""
    by_name = {service.name: service for service in project.services}
    by_image = {project.registry.repository(service.image): service for service in project.buildable}
    found: list[HealthCheck] = []
    for released in release.active:
        service = by_name.get(released.name) or by_image.get(released.image.partition("/")[2])
        if service is not None:
            found += [replace(check, service=released.name) for check in service.health]
    return tuple(found)


def cases_for(suite: Suite, release: Release) -> Suite:
    """A suite without the cases of services that the release leaves out; and without those that need other services to
    reach the release, where these do not yet."""
    excluded = {name for name, _ in release.excluded}
    early = BEFORE_SWITCH in excluded
    kept = (case for case in suite.cases if case.service not in excluded and not (early and case.after_switch))
    return replace(suite, cases=tuple(kept))


def refuse_unknown(suite: Suite, services: Sequence[str]) -> None:
    """Raises ConfigError for the first case of a service that the Compose files do not have."""
    for case in suite.cases:
        if case.service not in services:
            close = get_close_matches(case.service, services, n=1)
            hint = f"did you mean {close[0]}?" if close else f"the Compose files have {', '.join(services)}"
            raise ConfigError(f"there is no service '{case.service}'; {hint}", where=case.where)
