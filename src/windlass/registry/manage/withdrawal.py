"""What taking a tag or an image out of a repository does, before it is done. Pure.

A tag goes alone while anything else still needs its image: another tag, an index that it is a platform of. Otherwise the
image goes with it, its platforms and what refers to them as far as nothing else needs those.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Literal, TypeAlias

from windlass.oci import digest as digests
from windlass.registry.manage.reach import Reach
from windlass.registry.manage.uses import Use, Uses
from windlass.registry.retention.model import Inventory, Manifest, Repository
from windlass.registry.retention.scope import refers_to

Role: TypeAlias = Literal["image", "platform", "referrer"]


@dataclass(frozen=True, slots=True)
class Deletion:
    """A manifest that goes. `name` says what it is: a platform, or the type of what refers to the image."""

    digest: str
    role: Role
    name: str = ""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """`deletes` are the manifests that go, in the order of going; empty when only the tag does.

    `also` are the image's other tags: they stay when a tag is withdrawn, and go when the image is. `part_of` are indexes
    that are kept and would lose a platform. `frees` is in bytes. `locked` says what is locked, in words.
    """

    repository: str
    tag: str | None
    digest: str
    also: tuple[str, ...]
    deletes: tuple[Deletion, ...]
    frees: int
    part_of: tuple[str, ...] = ()
    uses: tuple[Use, ...] = ()
    locked: tuple[str, ...] = ()

    @property
    def untags(self) -> bool:
        return not self.deletes


def withdraw(
    inventory: Inventory, repository: Repository, pointer: str, uses: Uses, keep: Set[str] = frozenset()
) -> Withdrawal | None:
    """What happens when a tag, or a digest, is withdrawn; None when the repository does not have it.

    Args:
        inventory: as much of the registry as may share content with the repository.
        keep: manifests that something needs which is not in the inventory: they do not go as somebody's platform.
    """
    there = {manifest.digest: manifest for manifest in repository.manifests}
    tag = None if digests.is_digest(pointer) else pointer
    digest = pointer if tag is None else next((one.digest for one in repository.tags if one.name == tag), None)
    if digest is None or (tag is None and digest not in there):
        return None
    names = tuple(one.name for one in repository.tags if one.digest == digest and one.name != tag)
    part_of = tuple(_named(one, repository) for one in repository.manifests if _lists(one, digest))
    manifest = there.get(digest)
    attached = tag is not None and manifest is not None and manifest.subject in there
    if tag is not None and (names or part_of or attached or manifest is None):
        return Withdrawal(repository.name, tag, digest, names, (), 0, (), (), _locks(repository, tag, ()))
    reach = Reach(inventory)
    left = (one.digest for one in reach.roots if one.repository == repository.name)
    kept = set(reach.manifests(repository.name, left, but=digest)) | keep
    deletes = _deletes(repository, there, digest, kept, reach)
    needed = {use: None for one in deletes for use in uses.get(one.digest, ())}
    locked = _locks(repository, tag, tuple(there[one.digest] for one in deletes))
    freed = reach.freed(repository.name, {one.digest for one in deletes})
    return Withdrawal(repository.name, tag, digest, names, deletes, freed, part_of, tuple(needed), locked)


def _deletes(
    repository: Repository, there: dict[str, Manifest], digest: str, kept: set[str], reach: Reach
) -> tuple[Deletion, ...]:
    """The image first: from then on nobody can pull half of it. Then what refers to it, then its platforms."""
    going = [one for one in reach.manifests(repository.name, (digest,)) if one not in kept]
    platforms = {child.digest: child.platform for one in going for child in there[one].children}
    lists = {one.digest for one in repository.tags if refers_to(one.name) is not None}
    found = [
        Deletion(one, "platform", platforms[one])
        if one in platforms and there[one].subject is None and one not in lists
        else Deletion(one, "referrer", there[one].artifact_type)
        for one in going
        if one != digest
    ]
    found.sort(key=lambda one: one.role != "referrer")
    return (Deletion(digest, "image"), *found)


def _lists(index: Manifest, digest: str) -> bool:
    return any(child.digest == digest for child in index.children)


def _named(manifest: Manifest, repository: Repository) -> str:
    """A manifest as people know it: by its tags."""
    tags = [one.name for one in repository.tags if one.digest == manifest.digest]
    return ", ".join(tags) or digests.short(manifest.digest)


def _locks(repository: Repository, tag: str | None, manifests: Sequence[Manifest]) -> tuple[str, ...]:
    gone = {manifest.digest for manifest in manifests}
    tags = [one for one in repository.tags if one.locked and (one.name == tag or one.digest in gone)]
    found = [f"the repository {repository.name}"] if repository.locked else []
    found += [f"the tag {one.name}" for one in tags]
    return (*found, *(f"the manifest {digests.short(one.digest)}" for one in manifests if one.locked))
