"""From what a registry holds to what is deleted from it. Pure: the same inventory, rules and time give the same plan.

Images are judged by manifest, never by tag: a manifest goes only when no tag, environment, lock, index or subject keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import cached_property

from windlass.model.retention import RetentionPolicy
from windlass.registry.retention import memories
from windlass.registry.retention.ages import Clock, clock_of
from windlass.registry.retention.deletion import DeletionPlan, Item
from windlass.registry.retention.graph import Graph, newest
from windlass.registry.retention.images import Verdicts, by_itself, judge_manifests, judge_tags
from windlass.registry.retention.model import Inventory, Manifest, Tag
from windlass.registry.retention.protected import Protected
from windlass.registry.retention.reason import Reason
from windlass.registry.retention.scope import Scope


def plan(inventory: Inventory, protected: Protected, policy: RetentionPolicy, scope: Scope, now: float) -> DeletionPlan:
    """Judge everything in the project's part of a registry; what lies outside of it is not mentioned.

    Args:
        inventory: with times filled in as far as they are known (`ages.dated`).
        now: seconds since 1970.
    """
    clock = clock_of(inventory, now)
    graphs = {one.name: Graph(one) for one in inventory.repositories}
    judged: dict[str, _Judged] = {}
    for name in scope.repositories:
        if (graph := graphs.get(name)) is not None:
            found = _verdicts(graph, protected, policy, scope, clock, judged)
            judged[name] = _judge(graph, found)
    # Records go before their images, so that nobody relies on one whose image is gone.
    records = judged.get(scope.fingerprints)
    ahead = 2 + max(records.levels.values(), default=0) if records is not None else 0
    needed: set[str] = set()
    for one in judged.values():
        needed |= one.content
    items = [
        item
        for name, one in judged.items()
        for item in one.items(inventory.untags, 0 if name == scope.fingerprints else ahead, needed)
    ]
    deletions = sorted((one for one in items if one.delete), key=lambda one: (one.step, one.repository, one.name))
    kept = sorted((one for one in items if not one.delete), key=lambda one: (one.repository, one.kind, one.name))
    return DeletionPlan(inventory.host, (*deletions, *kept))


@dataclass(frozen=True)
class _Judged:
    """A repository with the manifests that stay, and why, and those that go; `found` says what holds for its tags."""

    graph: Graph
    found: Verdicts
    kept: Mapping[str, Reason]
    going: Set[str]

    @cached_property
    def levels(self) -> Mapping[str, int]:
        return self.graph.levels(self.going)

    @cached_property
    def content(self) -> set[str]:
        """Digests of all that what stays consists of."""
        found: set[str] = set(self.kept)
        for digest in self.kept:
            found.update(blob.digest for blob in self.graph.manifests[digest].blobs)
        return found

    def items(self, untags: bool, ahead: int, needed: set[str]) -> list[Item]:
        """`ahead` steps come first; then tags that are taken off, then manifests level by level. `needed` is content that
        stays or was counted before; what is counted here is added to it."""
        graph, going = self.graph, self.going
        name = graph.repository.name
        step = {one: ahead + 2 + level for one, level in self.levels.items()}
        items: list[Item] = []
        for digest, manifest in graph.manifests.items():
            content = _content(manifest)
            size = sum(content.values())
            if digest not in going:
                items.append(Item(name, "manifest", digest, digest, False, self.kept[digest], size))
                continue
            frees = sum([count for blob, count in content.items() if blob not in needed])
            needed.update(content)
            reason = self._gone(digest)
            items.append(Item(name, "manifest", digest, digest, True, reason, size, frees, False, step[digest]))
        for tag in graph.repository.tags:
            if tag.digest in going:
                reason = self.found.goes.get(tag.name) or self._gone(tag.digest)
                items.append(
                    Item(name, "tag", tag.name, tag.digest, True, reason, with_manifest=True, step=step[tag.digest])
                )
                continue
            stays = self._stays(tag, untags)
            reason = stays or self.found.goes[tag.name]
            items.append(Item(name, "tag", tag.name, tag.digest, stays is None, reason, step=0 if stays else ahead + 1))
        return items

    def _stays(self, tag: Tag, untags: bool) -> Reason | None:
        """Why a tag of a manifest that stays does so too; None when it is taken off."""
        if tag.name in self.found.stays:
            return self.found.stays[tag.name]
        manifest = self.kept[tag.digest]
        if tag.name not in self.found.goes:
            return manifest
        if newest(self.graph.tags[tag.digest]).name == tag.name:
            return Reason("name", f"the newest name of an image that stays ({manifest.text})")
        if not untags:
            return Reason("name", f"its image stays ({manifest.text}), and this registry cannot delete a tag alone")
        return None

    def _gone(self, digest: str) -> Reason:
        graph, going = self.graph, self.going
        if digest in self.found.lapsed:
            return self.found.lapsed[digest]
        if tags := graph.tags.get(digest):
            told = [self.found.goes[tag.name] for tag in tags if tag.name in self.found.goes]
            if told:
                return told[0]
        for ties, words in ((graph.parents, "part of"), (graph.subjects, "refers to")):
            for other in ties.get(digest, ()):
                if other in going:
                    return Reason("unused", f"{words} {graph.name(other)}, which goes")
        return Reason("unused", "no tag leads to it")


def _verdicts(
    graph: Graph,
    protected: Protected,
    policy: RetentionPolicy,
    scope: Scope,
    clock: Clock,
    judged: Mapping[str, _Judged],
) -> Verdicts:
    name = graph.repository.name
    found = judge_tags(graph, protected, policy, scope, clock) if name in scope.images else Verdicts()
    judge_manifests(graph, protected, clock, found)
    if name == scope.fingerprints:
        kept = {other: one.kept.keys() for other, one in judged.items()}
        going = {other: one.going for other, one in judged.items()}
        memories.judge_fingerprints(graph, kept, going, scope, clock, found)
    elif name == scope.tests:
        memories.judge_tests(graph, policy, clock, found)
    elif name == scope.cache:
        memories.judge_cache(graph, policy, scope, clock, found)
    if name not in scope.images:
        for tag in graph.repository.tags:
            if (reason := by_itself(tag, graph)) is not None:
                found.stays[tag.name] = reason
    return found


def _judge(graph: Graph, found: Verdicts) -> _Judged:
    for tag in graph.repository.tags:
        if tag.name in found.stays and tag.digest in graph.manifests:
            found.seed(tag.digest, found.stays[tag.name])
    kept = graph.closure(found.seeds)
    return _Judged(graph, found, kept, graph.manifests.keys() - kept.keys())


def _content(manifest: Manifest) -> dict[str, int]:
    """A manifest and the blobs it names, with their bytes, each once."""
    found = {blob.digest: blob.size for blob in manifest.layers}
    if manifest.config is not None:
        found[manifest.config.digest] = manifest.config.size
    if manifest.children:
        found.update((child.digest, child.size) for child in manifest.children if not child.is_manifest)
    found[manifest.digest] = manifest.size
    return found
