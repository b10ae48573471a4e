"""A release verified in one environment, as a release of another. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from windlass.errors import Refused
from windlass.model.project import Environment, Project
from windlass.model.release import Record, Release, ReleasedService
from windlass.model.source import Source
from windlass.state.interface import running_release
from windlass.steps.compose_release import unique
from windlass.steps.tags import immutable_tags


def promoted(
    release: Release,
    to: Environment,
    project: Project,
    runs: Mapping[str, str],
    records: tuple[Record, ...],
    now: datetime,
) -> Release:
    """The same commit and digests with the other environment's Compose files, profiles, service names and tags.

    `runs` maps each service of `to`'s Compose files to the project service whose image it runs; `records` is `to`'s history.

    Raises:
        Refused: `to` runs a service now that this release has no image of; it would go without a word.
    """
    source = source_of(release, to)
    tags = immutable_tags(source, to)
    found, excluded = [], []
    for name, service in runs.items():
        released = _image_of(release, project, name, service)
        if released is not None:
            found.append(replace(released, name=name, tags=tags, built=False))
        else:
            excluded.append((name, dict(release.excluded).get(name, f"{release.environment} has no image of it")))
    serving = running_release(records)
    lost = [name for name, _ in excluded if serving and serving.service(name) and name not in dict(release.excluded)]
    if lost:
        raise Refused(
            f"{release.id} of {release.environment} has no image of {', '.join(lost)}, which {to.name} runs",
            remedy=f"windlass run --env {to.name} --commit {release.commit[:7]} delivers all services",
        )
    return unique(
        replace(
            release,
            id=tags[0],
            environment=to.name,
            compose=to.compose,
            profiles=to.profiles,
            services=tuple(found),
            excluded=tuple(excluded),
            created=now.isoformat(timespec="seconds"),
            branch=source.branch,
        ),
        records,
    )


def source_of(release: Release, to: Environment) -> Source:
    """What a release was made from, as if `to` had delivered it."""
    return Source(release.commit, release.tree, to.branch or release.branch, "-dirty-" in release.id, 0)


def _image_of(release: Release, project: Project, name: str, service: str) -> ReleasedService | None:
    repository = project.registry.repository(project.service(service).image)
    by_image = (one for one in release.services if one.image.partition("/")[2] == repository)
    return next(by_image, None) or release.service(name)
