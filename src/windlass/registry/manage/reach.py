"""What keeps what alive in a registry: which content a tag leads to, and which of it nothing else leads to. Pure.

A registry stores each blob and each manifest once, however many repositories and tags lead to it. A tag leads to its
manifest, an index to its platforms, a manifest to its configuration and layers, and to what refers to it (signatures,
SBOMs): that has no other reason to be there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from windlass.registry.retention.graph import Graph
from windlass.registry.retention.model import Inventory, Manifest, Repository
from windlass.registry.retention.scope import refers_to


@dataclass(frozen=True, slots=True)
class Root:
    """A reason for content to be there: a tag, or (`tag` None) a manifest that nothing else leads to."""

    repository: str
    tag: str | None
    digest: str


class Reach:
    """The graph of an inventory. `sizes` maps every stored digest to its bytes."""

    def __init__(self, inventory: Inventory) -> None:
        self.sizes: dict[str, int] = {}
        self._below: dict[tuple[str, str], tuple[str, ...]] = {}
        self._blobs: dict[tuple[str, str], tuple[str, ...]] = {}
        self.roots: tuple[Root, ...] = tuple(
            root for repository in inventory.repositories for root in self._read(repository)
        )

    def content(self, repository: str, digests: Iterable[str]) -> set[str]:
        """Digests of everything that some manifests lead to, themselves included."""
        found: set[str] = set()
        for digest in self.manifests(repository, digests):
            found.add(digest)
            found.update(self._blobs[repository, digest])
        return found

    def manifests(self, repository: str, digests: Iterable[str], *, but: str | None = None) -> list[str]:
        """The manifests among it: children and what refers to them, each once, those that lead to others first; not `but`,
        and not what only that leads to."""
        seen: dict[str, None] = {}
        waiting = [digest for digest in digests if (repository, digest) in self._below][::-1]
        while waiting:
            digest = waiting.pop()
            if digest not in seen and digest != but:
                seen[digest] = None
                waiting += reversed(self._below[repository, digest])
        return list(seen)

    def bytes(self, digests: Iterable[str]) -> int:
        return sum(self.sizes[digest] for digest in digests)

    def freed(self, repository: str, gone: Collection[str]) -> int:
        """Bytes that no manifest needs any more once some of a repository are deleted."""
        left: set[str] = set()
        for (name, digest), blobs in self._blobs.items():
            if name != repository or digest not in gone:
                left.add(digest)
                left.update(blobs)
        return self.bytes(digest for digest in self.sizes if digest not in left)

    def _read(self, repository: Repository) -> list[Root]:
        name = repository.name
        graph = Graph(repository)
        there = graph.manifests
        for digest, manifest in there.items():
            self._store(name, manifest)
            self._below[name, digest] = (*graph.children.get(digest, ()), *graph.referrers.get(digest, ()))
        roots: list[Root] = []
        for tag in repository.tags:
            subject = refers_to(tag.name)
            if subject not in there or subject == tag.digest:
                roots.append(Root(name, tag.name, tag.digest))
        reached = set(self.manifests(name, (root.digest for root in roots)))
        return roots + self._loose(name, [digest for digest in there if digest not in reached])

    def _loose(self, name: str, digests: list[str]) -> list[Root]:
        """Of manifests that no tag leads to, those that no other leads to either (or one of each that go in a circle)."""
        named = {below for digest in digests for below in self._below[name, digest]}
        tops = [digest for digest in digests if digest not in named]
        reached = set(self.manifests(name, tops))
        for digest in digests:
            if digest not in reached:
                tops.append(digest)
                reached |= set(self.manifests(name, (digest,)))
        return [Root(name, None, digest) for digest in tops]

    def _store(self, name: str, manifest: Manifest) -> None:
        self.sizes.setdefault(manifest.digest, manifest.size)
        blobs = {part.digest: part.size for part in manifest.blobs}
        for digest, size in blobs.items():
            self.sizes.setdefault(digest, size)
        self._blobs[name, manifest.digest] = tuple(blobs)
