"""Which checks a release is held to. Pure."""

from __future__ import annotations

from dataclasses import replace

from windlass.model.project import HealthCheck, Project
from windlass.model.release import Release
from windlass.verify.api import Suite


def checks_for(project: Project, release: Release) -> tuple[HealthCheck, ...]:
    """The health checks of the services a release holds, under the names its environment gives them."""
    by_name = {service.name: service for service in project.services}
    by_image = {project.registry.repository(service.image): service for service in project.buildable}
    found: list[HealthCheck] = []
    for released in release.services:
        service = by_name.get(released.name) or by_image.get(released.image.partition("/")[2])
        if service is not None:
            found += [replace(check, service=released.name) for check in service.health]
    return tuple(found)


def cases_for(suite: Suite, release: Release) -> Suite:
    """A suite without the cases of services that the release leaves out."""
    excluded = {name for name, _ in release.excluded}
    return replace(suite, cases=tuple(case for case in suite.cases if case.service not in excluded))
