"""A release verified in one environment, as a release of another. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from windlass.model.project import Environment
from windlass.model.release import Record, Release
from windlass.model.source import Source
from windlass.steps.compose_release import unique
from windlass.steps.tags import immutable_tags


def promoted(release: Release, to: Environment, records: tuple[Record, ...], now: datetime) -> Release:
    """The same commit and digests with the other environment's Compose files, profiles and tags."""
    branch = to.branch or release.branch
    source = Source(release.commit, release.tree, branch, "-dirty-" in release.id, 0)
    tags = immutable_tags(source, to)
    return unique(
        replace(
            release,
            id=tags[0],
            environment=to.name,
            compose=to.compose,
            profiles=to.profiles,
            services=tuple(replace(service, tags=tags, built=False) for service in release.services),
            created=now.isoformat(timespec="seconds"),
            branch=branch,
        ),
        records,
    )
