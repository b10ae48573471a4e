"""What hangs together in a repository: indexes and their children, images and what refers to them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property

from windlass.registry.retention.model import Manifest, Repository, Tag
from windlass.registry.retention.reason import Reason
from windlass.registry.retention.scope import refers_to


class Graph:
    """A repository's manifests by digest, with their ties. Ties to what is not there are left out."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.manifests: dict[str, Manifest] = {one.digest: one for one in repository.manifests}
        self.tags: dict[str, list[Tag]] = defaultdict(list)
        self._names: dict[str, str] = {}
        for tag in repository.tags:
            if tag.digest in self.manifests:
                self.tags[tag.digest].append(tag)

    @cached_property
    def children(self) -> dict[str, tuple[str, ...]]:
        return {
            digest: tuple(dict.fromkeys(c.digest for c in one.children if c.digest in self.manifests))
            for digest, one in self.manifests.items()
            if one.children
        }

    @cached_property
    def parents(self) -> dict[str, tuple[str, ...]]:
        return _turned(self.children)

    @cached_property
    def subjects(self) -> dict[str, tuple[str, ...]]:
        """What a manifest refers to, by its own word or by its tag's."""
        found: dict[str, tuple[str, ...]] = {}
        for digest, one in self.manifests.items():
            named = [one.subject] if one.subject else []
            named += [subject for tag in self.tags.get(digest, ()) if (subject := refers_to(tag.name))]
            there = tuple(
                dict.fromkeys(subject for subject in named if subject in self.manifests and subject != digest)
            )
            if there:
                found[digest] = there
        return found

    @cached_property
    def referrers(self) -> dict[str, tuple[str, ...]]:
        return _turned(self.subjects)

    def closure(self, seeds: Mapping[str, Reason]) -> dict[str, Reason]:
        """Everything that has to stay with the seeds: children of indexes, referrers, and what kept ones refer to.

        Registries may delete referrers with their subject (ACR does), so a subject stays with what refers to it.
        """
        kept = dict(sorted(seeds.items(), key=lambda item: item[1].rank))
        waiting = list(kept)
        while waiting:
            digest = waiting.pop()
            ties: tuple[tuple[Iterable[str], Reason], ...] = (
                (self.children.get(digest, ()), Reason("part", f"part of {self.name(digest)}, which stays")),
                (self.referrers.get(digest, ()), Reason("refers", f"refers to {self.name(digest)}, which stays")),
                (self.subjects.get(digest, ()), Reason("subject", f"{self.name(digest)} refers to it and stays")),
            )
            for found, reason in ties:
                for other in found:
                    if other not in kept:
                        kept[other] = reason
                        waiting.append(other)
        return kept

    def closure_of(self, digest: str) -> list[str]:
        """What has to stay with one manifest, itself included."""
        return list(self.closure({digest: Reason("name", "")}))

    def name(self, digest: str) -> str:
        """A manifest as people know it: by its newest tag, or by the first digits of its digest."""
        found = self._names.get(digest)
        if found is None:
            tags = self.tags.get(digest)
            found = self._names[digest] = newest(tags).name if tags else digest.partition(":")[2][:12]
        return found

    def levels(self, going: Iterable[str]) -> dict[str, int]:
        """In which order to delete: an index before its children (a missing child breaks it, a missing index breaks
        nothing), also where a child goes because what it refers to does; then, as far as that allows, what is referred
        to before what refers to it. From 0."""
        waiting = set(going)
        indexes = {one: found for one in waiting if (found := waiting & self._containing(one))}
        subjects = {one: found for one in waiting if (found := waiting.intersection(self.subjects.get(one, ())))}
        level: dict[str, int] = {}
        number = 0
        while waiting:
            free = [one for one in waiting if one not in indexes or indexes[one].isdisjoint(waiting)]
            ready = [one for one in free if one not in subjects or subjects[one].isdisjoint(waiting)]
            ready = ready or free or list(waiting)
            level.update(dict.fromkeys(ready, number))
            waiting.difference_update(ready)
            number += 1
        return level

    def _containing(self, digest: str) -> set[str]:
        """Indexes that lose a child when this is deleted, by a registry that deletes what refers to it too."""
        if digest not in self.referrers:
            return {*self.parents.get(digest, ())} - {digest}
        lost, waiting = {digest}, [digest]
        while waiting:
            for other in self.referrers.get(waiting.pop(), ()):
                if other not in lost and self.manifests[other].subject in lost:
                    lost.add(other)
                    waiting.append(other)
        return {parent for one in lost for parent in self.parents.get(one, ())} - {digest}


def newest(tags: Iterable[Tag]) -> Tag:
    """The tag that was pushed last; of those without a time, and of the same time, the last by name."""
    return max(tags, key=lambda tag: (tag.pushed if tag.pushed is not None else -1.0, tag.name))


def _turned(ties: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for origin, ends in ties.items():
        for end in ends:
            found[end].append(origin)
    return {end: tuple(origins) for end, origins in found.items()}
