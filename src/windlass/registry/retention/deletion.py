"""A plan of what to delete: every item of an inventory, kept or deleted, with its reason and bytes. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from windlass.registry.retention.reason import Reason


class Item(NamedTuple):
    """A tag or a manifest of a repository.

    `bytes` is what a manifest and its own blobs weigh, `frees` what of it no other image that stays needs; blobs that
    several deleted manifests share are counted at one of them. A tag weighs nothing. `with_manifest` marks a tag that goes
    because its manifest does; other tags to delete are only taken off theirs. `step` orders deletions (smaller first; 0:
    nothing to do). (A tuple, because there may be a million: they are made three times as fast as dataclasses.)
    """

    repository: str
    kind: Literal["tag", "manifest"]
    name: str
    digest: str
    delete: bool
    reason: Reason
    bytes: int = 0
    frees: int = 0
    with_manifest: bool = False
    step: int = 0


@dataclass(frozen=True, slots=True)
class DeletionPlan:
    """What to delete, in the order it must be done in, then what stays. `host` is the registry."""

    host: str
    items: tuple[Item, ...]

    @property
    def deletions(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.delete)

    @property
    def kept(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if not item.delete)

    @property
    def frees(self) -> int:
        """Bytes of content that no image needs once all this is done, each blob counted once."""
        return sum(item.frees for item in self.items)
