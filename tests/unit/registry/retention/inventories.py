"""Inventories made at random, far stranger than any registry's; and a registry that does what it is told, literally."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random

from windlass.model.retention import DAY, RetentionPolicy
from windlass.oci import records
from windlass.oci.manifest import OCI_INDEX, OCI_MANIFEST
from windlass.registry.retention.deletion import DeletionPlan
from windlass.registry.retention.model import Inventory, Manifest, Part, Repository, Tag
from windlass.registry.retention.protected import Protected
from windlass.registry.retention.reason import Reason
from windlass.registry.retention.scope import Scope, TagNames

NOW = 1_800_000_000.0
SCOPE = Scope(
    images=frozenset({"api", "web"}),
    fingerprints=records.FINGERPRINTS,
    tests=records.TESTS,
    cache="windlass/cache",
    cache_tags=frozenset({"api", "web"}),
    steady=frozenset({"main"}),
    names=TagNames(("main-{sha}", "latest", "{branch}-{sha}")),
)


def digest(number: int | str) -> str:
    return f"sha256:{hashlib.sha256(str(number).encode()).hexdigest()}"


@dataclass(frozen=True)
class World:
    inventory: Inventory
    protected: Protected
    policy: RetentionPolicy
    cyclic: bool


BRANCHES = ("main", "develop", "feature-x")
MOVING = ("latest", "stable")
AGES = (0.001, 0.5, 1, 2, 8, 29, 31, 60, 89, 91, 300)


def world(seed: int) -> World:
    """The world of a number; half of all registries list what has no tag, one in ten has ties that go in circles."""
    random = Random(seed)
    complete, cyclic = random.random() < 0.5, random.random() < 0.1
    used = sorted(random.sample(["api", "web", *SCOPE.repositories[2:], "theirs"], random.randint(1, 6)))
    found = tuple(_repository(random, name, complete, cyclic) for name in used)
    clock = random.choice([None, NOW, NOW - 100 * DAY, NOW + 100 * DAY])
    inventory = Inventory("registry.test", found, clock, untags=complete)
    return World(inventory, _protected(random), _policy(random), cyclic)


def _repository(random: Random, name: str, complete: bool, cyclic: bool) -> Repository:
    """Manifests are numbered; unless `cyclic`, each names only ones before it, as hashes have it."""
    stranger = name not in SCOPE.images
    manifests = tuple(_manifest(random, number, cyclic, stranger) for number in range(random.randint(0, 12)))
    tagged = {_name(random): digest(random.randint(0, 12)) for _ in range(random.randint(0, 14))}
    tags = tuple(
        Tag(tag, to, _time(random), random.random() < 0.05 and not stranger) for tag, to in sorted(tagged.items())
    )
    return Repository(name, tags, manifests, random.random() < 0.03, complete)


def _manifest(random: Random, number: int, cyclic: bool, record: bool) -> Manifest:
    def other() -> str:
        return digest(random.randint(0, 11 if cyclic else max(0, number - 1)))

    alone = number == 0 and not cyclic
    index = random.random() < 0.3 and not alone
    annotations: tuple[tuple[str, str], ...] = ()
    if record and random.random() < 0.8:
        of = random.choice(["api", "web", "theirs"])
        annotations = ((records.REPOSITORY, of), (records.DIGEST, digest(random.randint(0, 11))))
    return Manifest(
        digest(number),
        OCI_INDEX if index else random.choice([OCI_MANIFEST, OCI_MANIFEST, ""]),
        7,
        tuple(Part(other(), 5, OCI_MANIFEST) for _ in range(random.randint(0, 3))) if index else (),
        None,
        tuple(Part(digest(f"blob {blob}"), 10 + blob) for blob in random.sample(range(6), random.randint(0, 3))),
        other() if random.random() < 0.25 and not alone else None,
        annotations=annotations,
        pushed=_time(random),
        locked=random.random() < 0.05,
        damage="not JSON" if random.random() < 0.02 else None,
    )


def _name(random: Random) -> str:
    kind, number = random.random(), random.randint(0, 40)
    if kind < 0.7:
        return f"{random.choice(BRANCHES)}-{number:07x}"
    if kind < 0.8:
        return f"{random.choice(BRANCHES)}-{number:07x}-dirty-{number:07x}"
    if kind < 0.85:
        return random.choice(MOVING)
    return digest(number % 12).replace(":", "-") + random.choice(["", ".sig"])


def _time(random: Random) -> float | None:
    kind = random.random()
    return (
        None
        if kind < 0.15
        else random.choice([NOW + 60, NOW + 10 * DAY])
        if kind < 0.2
        else NOW - random.choice(AGES) * DAY
    )


def _protected(random: Random) -> Protected:
    reasons = (Reason("runs", "runs in production"), Reason("rollback", "production can go back to it"))
    needed = {digest(random.randint(0, 13)): random.choice(reasons) for _ in range(random.randint(0, 4))}
    tags = {(random.choice(sorted(needed)), _name(random)) for _ in range(random.randint(0, 3))} if needed else set()
    return Protected(needed, frozenset(tags))


def _policy(random: Random) -> RetentionPolicy:
    return RetentionPolicy(
        keep=random.randint(1, 4),
        branches=random.choice([(), (("main", 2),), (("*", 1),), (("feature/*", 3), ("*", 1))]),
        older_than=random.choice([0.0, 7 * DAY, 30 * DAY]),
        idle=random.choice([None, 30 * DAY, 90 * DAY]),
        cache=random.choice([DAY, 30 * DAY]),
        tests=random.choice([DAY, 90 * DAY]),
    )


@dataclass
class LiteralRegistry:
    """Does what a plan says, one deletion at a time, with the harshest rules there are: a digest takes all its tags along,
    and, with `cascade`, everything that refers to it, as in ACR."""

    repositories: dict[str, Repository]
    cascade: bool

    @classmethod
    def of(cls, inventory: Inventory, cascade: bool) -> LiteralRegistry:
        return cls({one.name: one for one in inventory.repositories}, cascade)

    def run(self, plan: DeletionPlan) -> Iterable[None]:
        """Pauses after every deletion."""
        for item in plan.deletions:
            if item.kind == "tag" and item.with_manifest:
                continue
            repository = self.repositories[item.repository]
            if item.kind == "tag":
                left = tuple(tag for tag in repository.tags if tag.name != item.name)
                self.repositories[item.repository] = replace(repository, tags=left)
            else:
                self._delete(item.repository, item.digest)
            yield

    def _delete(self, name: str, gone: str) -> None:
        repository = self.repositories[name]
        referring = [one.digest for one in repository.manifests if one.subject == gone and one.digest != gone]
        self.repositories[name] = replace(
            repository,
            tags=tuple(tag for tag in repository.tags if tag.digest != gone),
            manifests=tuple(one for one in repository.manifests if one.digest != gone),
        )
        if self.cascade:
            for other in referring:
                if any(one.digest == other for one in self.repositories[name].manifests):
                    self._delete(name, other)

    def inventory(self, like: Inventory) -> Inventory:
        return replace(like, repositories=tuple(self.repositories[one.name] for one in like.repositories))
