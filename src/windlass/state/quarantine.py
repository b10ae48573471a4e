"""Releases that are not deployed again until somebody says so, read from an environment's history. Pure.

A release is in quarantine when it failed by its own doing (it never got ready, or its checks failed), or when it served
and was rolled back from by hand to one that was deployed before it: a way forth again is no verdict on what it leaves. What counts is its content, not its name: the same images and files under another id or
commit are the same. A deployment with `--retry` lifts it; what fails then is in quarantine again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from windlass.model.release import Record, Release

Content: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Quarantine:
    """`since` is ISO 8601, UTC; `by` who deployed it, or rolled back from it; `why` one sentence."""

    release: Release
    since: str
    by: str
    why: str


def content(release: Release) -> Content:
    """What a release is, whatever it is called and whichever commit brought it: files, images, and what is left out."""
    images = tuple(sorted((service.name, service.reference) for service in release.services))
    excluded = tuple(sorted(name for name, _ in release.excluded))
    return release.tree, release.compose, release.profiles, images, excluded


def quarantined(records: tuple[Record, ...]) -> tuple[Quarantine, ...]:
    """All that are in quarantine, the latest first. `records` is a history, newest first."""
    found: dict[Content, Quarantine] = {}
    releases: dict[str, Release] = {}
    deployed: dict[Content, int] = {}
    serving: Release | None = None
    for record in reversed(records):
        releases[record.release.id] = record.release
        key = content(record.release)
        if record.outcome == "deploying":
            if record.retry:
                found.pop(key, None)
            continue
        if record.blamed:
            found[key] = Quarantine(record.release, record.at, record.by, record.reason or "it failed")
        elif record.outcome == "healthy":
            found.pop(key, None)
            if record.kind != "rollback":
                deployed[key] = record.sequence
            elif serving is not None and deployed.get(content(serving), 0) > deployed.get(key, 0):
                why = f"rolled back from by hand, to {record.release.id}"
                found[content(serving)] = Quarantine(serving, record.at, record.by, why)
        serving = releases.get(record.running) if record.running else None
    return tuple(sorted(found.values(), key=lambda one: one.since, reverse=True))


def quarantine_of(release: Release, records: tuple[Record, ...]) -> Quarantine | None:
    """Why a release may not be deployed here; None when it may."""
    return next((one for one in quarantined(records) if content(one.release) == content(release)), None)
