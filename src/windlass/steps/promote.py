"""A release verified in one environment, as a release of another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from windlass.errors import EngineUnavailable, Refused
from windlass.model.events import Emit, Notice
from windlass.model.observation import Observation
from windlass.model.project import Environment, Project
from windlass.model.release import Record, Release, ReleasedService
from windlass.model.source import Source
from windlass.model.times import moment
from windlass.state.interface import find_release, running_release
from windlass.state.quarantine import quarantine_of
from windlass.steps.compose_release import unique
from windlass.steps.running import missing
from windlass.steps.tags import immutable_tags
from windlass.steps.tools import Tools


@dataclass
class Promotion:
    """Chooses what `origin` runs, verified, for `to`. `wanted` is the release that it has to be; None: whichever it is."""

    origin: Environment
    to: Environment
    tools: Tools
    wanted: str | None
    emit: Emit
    _chosen: Release | None = field(default=None, init=False)

    def __call__(self, records: tuple[Record, ...]) -> Release:
        """The release for `to`, whose history is given.

        Raises:
            Refused: what `origin` runs is not verified, in quarantine, not what it was a moment ago, or not what was asked
                for; or a service would be lost on the way.
        """
        history = self.tools.state.records(self.origin.name)
        running = verified(history, self.origin)
        if self.wanted:
            named = find_release(history, self.wanted)
            if named is None or named.id != running.id:
                raise Refused(
                    f"{self.origin.name} runs {running.id}, not {self.wanted}",
                    remedy=f"windlass history {self.origin.name} shows what ran; promote without --release takes {running.id}",
                )
        if self._chosen is not None and self._chosen != running:
            raise Refused(
                f"{self.origin.name} has gone on from {self._chosen.id} to {running.id} meanwhile",
                remedy="look at it, then promote again",
            )
        self._chosen = running
        self._refuse_drifted(running)
        declared = self.tools.declared(
            self.to, running.tree
        )  # what is promoted must not hang on whose checkout promotes
        project, to = declared.project, declared.environment
        runs = self.tools.services_of(source_of(running, to), to)
        made = promoted(running, to, project, runs, records, datetime.now(UTC))
        if left := left_behind(running, made):
            text = f"{', '.join(one.name for one in left)} of {self.origin.name}: no service of {to.name} runs it"
            self.emit(Notice(text, "warning"))
        return made

    def _refuse_drifted(self, running: Release) -> None:
        try:
            seen = self.tools.target(self.origin).observe()
        except EngineUnavailable as error:
            text = f"whether {self.origin.name} still runs what was verified could not be looked at: {error.message}"
            self.emit(Notice(text, "warning"))
            return
        if differs := drifted(running, seen):
            raise Refused(
                f"{self.origin.name} does not run any more what was verified as {running.id}: {'; '.join(differs)}",
                remedy=f"windlass deploy {self.origin.name} --release {running.id} brings it back, and verifies it",
            )


def verified(history: tuple[Record, ...], origin: Environment) -> Release:
    """What an environment runs, if it passed its checks there and nothing came after. Raises Refused."""
    running = running_release(history)
    if running is None or history[0].outcome not in ("healthy", "restored"):
        newest = f"; its last attempt, {history[0].release.id}, is {history[0].outcome}" if history else ""
        raise Refused(
            f"{origin.name} runs no verified release{newest}",
            remedy=f"windlass status {origin.name} shows what it runs",
        )
    if known := quarantine_of(running, history):
        raise Refused(
            f"{running.id} is in quarantine on {origin.name} since {moment(known.since)} ({known.by}): {known.why}",
            remedy=f"deliver a commit that mends it to {origin.name} first",
        )
    return running


def drifted(release: Release, seen: Observation) -> tuple[str, ...]:
    """How what runs differs from a release: "api: another image", "web: missing", "db: unhealthy"."""
    found = [f"{name}: missing" for name in missing(release, seen)]
    for state in seen.services:
        service = release.service(state.service)
        if service is not None and state.digest is not None and state.digest != service.digest:
            found.append(f"{state.service}: another image")
        elif not state.well:
            found.append(f"{state.service}: {state.health}")
    return tuple(found)


def tag_images(release: Release, tools: Tools) -> None:
    """Give a release's images the immutable tags of the environment they go to."""
    for service in release.services:
        tools.images.tag(service.image.partition("/")[2], service.digest, service.tags)


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
        Refused: `to` runs a service now that this release has no image of, or one of the release would be lost: no service of
            `to` runs it, though it does now, or has the Compose files that the release was built from.
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
    made = replace(
        release,
        id=tags[0],
        environment=to.name,
        compose=to.compose,
        profiles=to.profiles,
        services=tuple(found),
        excluded=tuple(excluded),
        created=now.isoformat(timespec="seconds"),
        branch=source.branch,
        inactive=(),  # what runs in `to` is yet to be seen
    )
    there = {image for one in serving.services for image in (one.name, one.image)} if serving else set()
    left = left_behind(release, made)
    if lost := [one.name for one in left if to.compose == project.compose or {one.name, one.image} & there]:
        raise Refused(
            f"{', '.join(lost)} of {release.id} would be lost: no service of {to.name} runs it",
            remedy=f"give {to.name} a service of it, or let windlass run --env {to.name} --commit {release.commit[:7]} "
            "deliver the commit without",
        )
    return unique(made, records)


def left_behind(release: Release, made: Release) -> tuple[ReleasedService, ...]:
    """The services of a release whose image no service of the promoted one runs."""
    taken = {one.reference for one in made.services}
    return tuple(one for one in release.services if one.reference not in taken)


def source_of(release: Release, to: Environment) -> Source:
    """What a release was made from, as if `to` had delivered it."""
    return Source(release.commit, release.tree, to.branch or release.branch, "-dirty-" in release.id, 0)


def _image_of(release: Release, project: Project, name: str, service: str) -> ReleasedService | None:
    repository = project.registry.repository(project.service(service).image)
    by_image = (one for one in release.services if one.image.partition("/")[2] == repository)
    return next(by_image, None) or release.service(name)
