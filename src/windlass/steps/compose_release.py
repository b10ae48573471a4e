"""From published images to a release: everything needed to run it now and to restore it later. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from windlass.errors import WindlassError
from windlass.model.artifacts import Published
from windlass.model.project import Environment, Project
from windlass.model.release import Record, Release, ReleasedService
from windlass.model.source import Source
from windlass.state.interface import running_release
from windlass.state.quarantine import content


def compose_release(
    project: Project,
    environment: Environment,
    source: Source,
    published: Mapping[str, Published],
    failed: Mapping[str, WindlassError],
    runs: Mapping[str, str],
    records: tuple[Record, ...],
    now: datetime,
) -> Release:
    """The release of some published images for an environment.

    `runs` maps each service of the environment's Compose files to the project service whose image it runs. One whose
    image failed keeps the image that serves now: a build that fails must not take down what runs. Where none serves, it
    is excluded, with the reason. The id is the environment's tag, with `.2`, `.3`… when another release of
    the same commit had it.
    """
    serving = running_release(records)
    services, excluded = [], []
    for compose_name, name in runs.items():
        kept = serving.service(compose_name) if serving else None
        if name in published:
            services.append(_released(project, compose_name, published[name]))
        elif kept is not None:
            services.append(replace(kept, built=False))
        else:
            reason = failed[name].message.splitlines()[0] if name in failed else "no image of it was published"
            excluded.append((compose_name, reason))
    tags = next((item.tags for item in published.values()), ())
    release = Release(
        id=tags[0] if tags else f"{environment.name}-{source.sha}",
        environment=environment.name,
        commit=source.commit,
        tree=source.tree,
        compose=environment.compose,
        services=tuple(services),
        created=now.isoformat(timespec="seconds"),
        profiles=environment.profiles,
        excluded=tuple(excluded),
        branch=source.branch or environment.branch,
    )
    return unique(release, records)


def unique(release: Release, records: tuple[Record, ...]) -> Release:
    """The same release with an id that no different release of this environment has."""
    known = {record.release.id: record.release for record in reversed(records)}
    base, number = release.id, 1
    while release.id in known and not same_content(known[release.id], release):
        number += 1
        release = replace(release, id=f"{base}.{number}")
    return release


def same_content(one: Release, other: Release) -> bool:
    """Whether deploying one or the other makes no difference: same commit and tree, images, Compose files and exclusions."""

    return one.commit == other.commit and content(one) == content(other)


def _released(project: Project, name: str, published: Published) -> ReleasedService:
    return ReleasedService(
        name=name,
        image=f"{project.registry.host}/{published.repository}",
        digest=published.digest,
        tags=published.tags,
        fingerprint=published.fingerprint,
        built=published.built,
        scanned=published.scanned,
    )
