"""What a registry holds, as values: read once by `survey.py`, judged by everything else. Pure.

Times are seconds since 1970, None where the registry does not tell them. Sizes are bytes. Repositories are named without
the host, with the project's prefix.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from windlass.oci.manifest import INDEXES, MANIFESTS


@dataclass(frozen=True, slots=True)
class Part:
    """Something that a manifest names by digest: a child manifest, a configuration, a layer."""

    digest: str
    size: int
    media_type: str = ""
    platform: str = ""

    @property
    def is_manifest(self) -> bool:
        """Whether it is stored as a manifest. Build caches list layers where an index has its children."""
        return self.media_type in INDEXES or self.media_type in MANIFESTS


@dataclass(frozen=True, slots=True)
class Tag:
    """`pushed` is when it was last pointed at something else. A locked one may not be deleted (ACR's attributes)."""

    name: str
    digest: str
    pushed: float | None = None
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or index of one repository.

    `children` are an index's entries, `config` and `layers` an image's. `damage` says why its content could not be read;
    then nothing is known of what it needs. `size` is that of the manifest alone.
    """

    digest: str
    media_type: str
    size: int
    children: tuple[Part, ...] = ()
    config: Part | None = None
    layers: tuple[Part, ...] = ()
    subject: str | None = None
    artifact_type: str = ""
    annotations: tuple[tuple[str, str], ...] = ()
    pushed: float | None = None
    locked: bool = False
    damage: str | None = None

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEXES

    @property
    def blobs(self) -> Iterator[Part]:
        """Configuration, layers, and children that are no manifests; a digest may come twice."""
        if self.config is not None:
            yield self.config
        yield from self.layers
        yield from (child for child in self.children if not child.is_manifest)

    def annotation(self, key: str) -> str | None:
        return next((value for name, value in self.annotations if name == key), None)


@dataclass(frozen=True, slots=True)
class Repository:
    """`complete`: untagged manifests are listed too. Where they are not (most registries have no such list), only those
    that a tag leads to are known, with their children and referrers."""

    name: str
    tags: tuple[Tag, ...] = ()
    manifests: tuple[Manifest, ...] = ()
    locked: bool = False
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Inventory:
    """Repositories of one registry, sorted by name. `clock` is the registry's own time when it was asked, if it told.

    `untags`: it can delete a tag and leave its manifest. Asked the standard way, some delete the manifest with all its
    tags, so only Azure's API counts."""

    host: str
    repositories: tuple[Repository, ...]
    clock: float | None = None
    untags: bool = False

    def repository(self, name: str) -> Repository | None:
        return next((one for one in self.repositories if one.name == name), None)
