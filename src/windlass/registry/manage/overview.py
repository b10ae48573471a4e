"""Repositories and tags as people look at them: newest first, with what each weighs and who needs it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from windlass.registry.manage.cost import RepositoryUse, Usage
from windlass.registry.manage.uses import Use, Uses
from windlass.registry.retention.model import Inventory, Manifest, Repository
from windlass.registry.retention.scope import refers_to

_CREATED = "org.opencontainers.image.created"


@dataclass(frozen=True, slots=True)
class RepositoryRow:
    """`service` is the project's service whose images these are, if any; `stored` counts in bytes what the repository leads
    to, each piece once; `pushed` is the last push in seconds since 1970. `complete`: untagged images were counted too."""

    name: str
    service: str | None
    tags: int
    images: int
    stored: int
    pushed: float | None
    complete: bool


@dataclass(frozen=True, slots=True)
class TagRow:
    """`size` is the whole image's, all platforms, in bytes, `own` what of it nothing else needs; `also` are the image's
    other tags. Times are seconds since 1970, None where nothing tells; `created` is what the image says of itself."""

    name: str
    digest: str
    platforms: tuple[str, ...]
    size: int
    own: int
    pushed: float | None
    created: str | None
    uses: tuple[Use, ...]
    locked: bool
    also: tuple[str, ...]


def repository_rows(inventory: Inventory, usage: Usage, services: Mapping[str, str]) -> tuple[RepositoryRow, ...]:
    """Repositories, the one pushed to last first.

    Args:
        services: repositories to the services whose images they hold.
    """
    used = {one.name: one for one in usage.repositories}
    rows = [_row(one, used[one.name], services.get(one.name)) for one in inventory.repositories]
    return tuple(sorted(rows, key=lambda row: (-(row.pushed or 0.0), row.service is None, row.name)))


def tag_rows(repository: Repository, usage: RepositoryUse, uses: Uses) -> tuple[TagRow, ...]:
    """A repository's tags, the one pushed last first; without those that only mark what refers to an image."""
    there = {manifest.digest: manifest for manifest in repository.manifests}
    weights = {one.name: one for one in usage.tags}
    rows = []
    for tag in repository.tags:
        if tag.name not in weights:
            continue
        manifest = there.get(tag.digest)
        weight = weights[tag.name]
        rows.append(
            TagRow(
                tag.name,
                tag.digest,
                platforms(manifest) if manifest is not None else (),
                weight.logical,
                weight.own,
                tag.pushed if tag.pushed is not None else manifest.pushed if manifest is not None else None,
                manifest.annotation(_CREATED) if manifest is not None else None,
                uses.get(tag.digest, ()),
                tag.locked or repository.locked or (manifest is not None and manifest.locked),
                tuple(one.name for one in repository.tags if one.digest == tag.digest and one.name != tag.name),
            )
        )
    rows.sort(key=lambda row: row.name)
    return tuple(sorted(rows, key=lambda row: -(row.pushed or 0.0)))


def platforms(manifest: Manifest) -> tuple[str, ...]:
    """What an index says it is for. `unknown/unknown` is how BuildKit labels attestations."""
    named = (child.platform for child in manifest.children)
    return tuple(dict.fromkeys(name for name in named if name and not name.startswith("unknown")))


def configuration_of(repository: Repository, row: TagRow) -> str | None:
    """The digest of the configuration that says what an image is for, where its manifest does not: that of a single one."""
    if row.platforms:
        return None
    found = next((one for one in repository.manifests if one.digest == row.digest), None)
    return found.config.digest if found is not None and found.config is not None else None


def configured(row: TagRow, configuration: bytes) -> TagRow:
    """The same row with what an image configuration says (OCI image specification, "Image Configuration"); anything else
    that artifacts have in its place says nothing."""
    try:
        document = json.loads(configuration)
        parts = [document.get(key) for key in ("os", "architecture", "variant")]
        created = document.get("created")
    except (ValueError, AttributeError, RecursionError):
        return row
    platform = "/".join(part for part in parts if isinstance(part, str) and part)
    return replace(
        row,
        platforms=(platform,) if platform else (),
        created=row.created or (created if isinstance(created, str) else None),
    )


def _row(repository: Repository, usage: RepositoryUse, service: str | None) -> RepositoryRow:
    moments = [tag.pushed for tag in repository.tags if tag.pushed is not None]
    moments += [one.pushed for one in repository.manifests if one.pushed is not None]
    tags = sum(1 for tag in repository.tags if refers_to(tag.name) is None)
    last = max(moments, default=None)
    return RepositoryRow(repository.name, service, tags, usage.images, usage.stored, last, repository.complete)
