"""Nothing that is needed is ever deleted, whatever a registry holds. What is needed is said here a second time, in other
words than the policy's: by what can still be reached after a registry has done literally what the plan says."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import get_args

import pytest
from tests.unit.registry.retention.inventories import NOW, SCOPE, LiteralRegistry, World, world

from windlass.model.retention import DAY
from windlass.registry.retention.model import Manifest, Repository, Tag
from windlass.registry.retention.policy import plan
from windlass.registry.retention.reason import Because

WORLDS = int(os.environ.get("WINDLASS_RETENTION_EXAMPLES", "10000"))
PARTS = 4


def in_many_worlds(check: Callable[[World, bool], None], count: int = WORLDS // 5) -> Callable[[int], None]:
    """Run a check in every world, of registries that delete referrers with their subject and of those that do not."""

    @pytest.mark.parametrize("part", range(PARTS))
    def test(part: int) -> None:
        for seed in range(part, count, PARTS):
            try:
                check(world(seed), seed % 3 == 0)
            except Exception as error:
                error.add_note(f"in world({seed})")
                raise

    test.__doc__ = check.__doc__
    return test


def needed(world: World) -> Iterator[tuple[Repository, str]]:
    """Manifests that must survive: (repository, digest)."""
    for repository in world.inventory.repositories:
        there = {one.digest: one for one in repository.manifests}
        must = [one.digest for one in there.values() if stands(one, repository, world)]
        must += [tag.digest for tag in repository.tags if holds(tag, repository, world)]
        must += newest(repository, world)
        reached = set()
        while must:
            digest = must.pop()
            if digest in reached or digest not in there:
                continue
            reached.add(digest)
            must += [child.digest for child in there[digest].children]
            must += [one.digest for one in there.values() if one.subject == digest]
            must += [tag.digest for tag in repository.tags if tag.name.startswith(digest.replace(":", "-"))]
        yield from ((repository, digest) for digest in reached)


def stands(manifest: Manifest, repository: Repository, world: World) -> bool:
    """Whether a manifest stays by itself."""
    now = min(NOW, world.inventory.clock if world.inventory.clock is not None else NOW)
    there = {one.digest for one in repository.manifests}
    tagged = any(tag.digest == manifest.digest for tag in repository.tags)
    tied = (manifest.subject in there and manifest.subject != manifest.digest) or any(
        child.digest == manifest.digest for one in repository.manifests for child in one.children
    )
    fresh = manifest.pushed is not None and manifest.pushed > now - DAY
    return (
        repository.name not in SCOPE.repositories
        or manifest.locked
        or repository.locked
        or manifest.digest in world.protected.digests
        or manifest.damage is not None
        or (fresh and not tagged and not tied)
    )


def holds(tag: Tag, repository: Repository, world: World) -> bool:
    """Whether a tag keeps what it points to."""
    image = repository.name in SCOPE.images
    plain = not tag.name.startswith("sha256-")
    return tag.locked or (image and plain and (tag.name in ("latest", "stable") or tag.pushed is None))


def newest(repository: Repository, world: World) -> Iterator[str]:
    """The newest image of every branch that an environment follows, and what is younger than the limit."""
    now = min(NOW, world.inventory.clock if world.inventory.clock is not None else NOW)
    if repository.name not in SCOPE.images:
        return
    main = [tag for tag in repository.tags if tag.name.startswith("main-") and tag.pushed is not None]
    past = [tag for tag in main if tag.pushed is not None and tag.pushed <= now + 300]
    if past:
        yield max(past, key=lambda tag: (tag.pushed or 0, tag.name)).digest
    for tag in repository.tags:
        dated = tag.pushed is not None and not tag.name.startswith("sha256-")
        limit = now - world.policy.older_than if world.policy.older_than else now + 300
        if dated and (tag.pushed or 0) > limit:
            yield tag.digest


@partial(in_many_worlds, count=WORLDS)
def test_what_is_needed_survives_every_single_deletion(world: World, cascade: bool) -> None:
    made = plan(world.inventory, world.protected, world.policy, SCOPE, NOW)
    must = [(repository.name, digest) for repository, digest in needed(world)]
    # Where ties go in circles, which no hash can, no order is right.
    hanging = {one.name: indexes(one) for one in world.inventory.repositories if not world.cyclic}
    registry = LiteralRegistry.of(world.inventory, cascade)
    for _ in registry.run(made):
        left = {name: {one.digest: one for one in r.manifests} for name, r in registry.repositories.items()}
        assert all(digest in left[name] for name, digest in must)
        for name, whole in hanging.items():
            for digest in whole & left[name].keys():
                assert all(child.digest in left[name] for child in left[name][digest].children), "a broken index"


def indexes(repository: Repository) -> set[str]:
    """Indexes that have all their children."""
    there = {one.digest for one in repository.manifests}
    return {one.digest for one in repository.manifests if all(child.digest in there for child in one.children)}


@in_many_worlds
def test_tags_that_stay_still_point_where_they_did(world: World, cascade: bool) -> None:
    made = plan(world.inventory, world.protected, world.policy, SCOPE, NOW)
    registry = LiteralRegistry.of(world.inventory, cascade)
    list(registry.run(made))
    planned = {(item.repository, item.name): item.digest for item in made.kept if item.kind == "tag"}
    left = {(name, tag.name): tag.digest for name, one in registry.repositories.items() for tag in one.tags}
    outside = {
        (one.name, tag.name): tag.digest
        for one in world.inventory.repositories
        if one.name not in SCOPE.repositories
        for tag in one.tags
    }
    assert left == planned | outside
    kept = {(item.repository, item.name) for item in made.kept if item.kind == "manifest"}
    assert kept == {
        (name, one.digest)
        for name, repository in registry.repositories.items()
        if name in SCOPE.repositories
        for one in repository.manifests
    }
    for one in world.inventory.repositories:
        for tag in one.tags:
            if (tag.digest, tag.name) in world.protected.tags and one.name in SCOPE.images:
                assert (one.name, tag.name) in left


@in_many_worlds
def test_a_second_clean_up_deletes_nothing(world: World, cascade: bool) -> None:
    made = plan(world.inventory, world.protected, world.policy, SCOPE, NOW)
    registry = LiteralRegistry.of(world.inventory, cascade)
    list(registry.run(made))
    again = plan(registry.inventory(world.inventory), world.protected, world.policy, SCOPE, NOW)
    assert again.deletions == ()


@in_many_worlds
def test_keeping_more_never_deletes_more(world: World, cascade: bool) -> None:
    more = 2 if cascade else 1
    generous = replace(
        world.policy,
        keep=world.policy.keep + more,
        branches=tuple((name, number + more) for name, number in world.policy.branches),
        older_than=world.policy.older_than + more * DAY,
    )

    def gone(policy) -> set[tuple[str, str, str]]:  # type: ignore[no-untyped-def]
        made = plan(world.inventory, world.protected, policy, SCOPE, NOW)
        return {(item.repository, item.kind, item.name) for item in made.deletions}

    assert gone(generous) <= gone(world.policy)


@in_many_worlds
def test_everything_is_in_the_plan_once_with_a_reason_and_bytes_add_up(world: World, cascade: bool) -> None:
    made = plan(world.inventory, world.protected, world.policy, SCOPE, NOW)
    told = [(item.repository, item.kind, item.name) for item in made.items]
    assert len(told) == len(set(told))
    ours = [one for one in world.inventory.repositories if one.name in SCOPE.repositories]
    there = [(one.name, "tag", tag.name) for one in ours for tag in one.tags]
    there += [(one.name, "manifest", manifest.digest) for one in ours for manifest in one.manifests]
    assert sorted(told) == sorted(there)
    assert all(item.reason.text for item in made.items)

    def content(delete: bool) -> dict[str, int]:
        chosen = {(i.repository, i.digest) for i in made.items if i.kind == "manifest" and i.delete == delete}
        found: dict[str, int] = {}
        for one in ours:
            for manifest in one.manifests:
                if (one.name, manifest.digest) in chosen:
                    found |= {manifest.digest: manifest.size} | {blob.digest: blob.size for blob in manifest.blobs}
        return found

    stays, goes = content(False), content(True)
    assert made.frees == sum(size for digest, size in goes.items() if digest not in stays)
    assert all(item.frees <= item.bytes for item in made.items)


def test_the_worlds_are_worth_it() -> None:
    """Every reason occurs, alone and often; so does every kind of deletion."""
    seen = Counter(
        (item.delete, item.reason.because)
        for seed in range(300)
        for item in plan(*(lambda w: (w.inventory, w.protected, w.policy))(world(seed)), SCOPE, NOW).items
    )
    stays = {because for delete, because in seen if not delete}
    goes = {because for delete, because in seen if delete}
    assert goes == {"beyond", "idle", "unused", "expired"}
    assert stays == set(get_args(Because)) - goes - {"deploying", "waiting"}
    assert min(seen.values()) >= 10
