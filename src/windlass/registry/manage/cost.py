"""What storing images takes, and what it costs. Pure.

Four numbers, in bytes. *Logical*: as if every image were stored by itself, all its platforms and what refers to it.
*Stored*: each piece of content once, as registries keep it. *Saved*: the difference. *Own*: what would be gone if
something (a tag, a repository) went, because nothing else needs it; what several need is nobody's own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from windlass.model.prices import Prices, Tier
from windlass.registry.manage.reach import Reach, Root
from windlass.registry.retention.model import Inventory

GIB = 2**30


@dataclass(frozen=True, slots=True)
class TagUse:
    """`logical` is the whole image's size. A tag whose image has another tag holds nothing of its own."""

    name: str
    digest: str
    logical: int
    own: int


@dataclass(frozen=True, slots=True)
class RepositoryUse:
    """`images` counts distinct ones, `untagged` those of them without a tag, `untagged_bytes` what only these hold.
    `complete` is whether untagged ones could be listed."""

    name: str
    images: int
    untagged: int
    logical: int
    stored: int
    own: int
    untagged_bytes: int
    tags: tuple[TagUse, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """Of a whole registry, as far as it was surveyed."""

    logical: int
    stored: int
    repositories: tuple[RepositoryUse, ...]

    @property
    def saved(self) -> int:
        return self.logical - self.stored

    @property
    def shared(self) -> int:
        """Bytes that more than one repository needs."""
        return self.stored - sum(one.own for one in self.repositories)


@dataclass(frozen=True, slots=True)
class Price:
    """A tier's price a month for some bytes; `extra` is the part for storage beyond what it includes. None where it cannot
    hold that much."""

    tier: Tier
    base: float
    extra: float
    extra_gib: float
    fits: bool

    @property
    def month(self) -> float:
        return self.base + self.extra


def usage(inventory: Inventory, reach: Reach | None = None) -> Usage:
    """How much a registry stores, and who needs it."""
    reach = reach or Reach(inventory)
    needed = [reach.content(root.repository, (root.digest,)) for root in reach.roots]
    owners = _Owners(reach.roots, needed)
    of_repository: defaultdict[str, list[int]] = defaultdict(list)
    for number, root in enumerate(reach.roots):
        of_repository[root.repository].append(number)
    found: list[RepositoryUse] = []
    for repository in inventory.repositories:
        numbers = of_repository[repository.name]
        images = {reach.roots[number].digest: number for number in numbers}
        tagged = {reach.roots[number].digest for number in numbers if reach.roots[number].tag is not None}
        loose = [number for digest, number in images.items() if digest not in tagged]
        content = set().union(*(needed[number] for number in numbers))
        found.append(
            RepositoryUse(
                repository.name,
                images=len(images),
                untagged=len(loose),
                logical=sum(reach.bytes(needed[number]) for number in images.values()),
                stored=reach.bytes(content),
                own=reach.bytes(digest for digest in content if owners.repository[digest] == repository.name),
                untagged_bytes=reach.bytes(owners.only(loose, needed)),
                tags=tuple(_tag(reach, number, needed[number], owners) for number in numbers if _named(reach, number)),
                complete=repository.complete,
            )
        )
    stored = reach.bytes(set().union(*needed))
    return Usage(sum(one.logical for one in found), stored, tuple(found))


def price(tier: Tier, stored: int) -> Price:
    """What some bytes cost a month in a tier."""
    gib = stored / GIB
    extra = max(0.0, gib - tier.included_gib)
    fits = tier.most_gib is None or gib <= tier.most_gib
    return Price(tier, tier.month, extra * tier.gib_month, extra, fits)


def compare(prices: Prices, stored: int) -> tuple[Price, ...]:
    """Each tier's price, in the order they are declared."""
    return tuple(price(tier, stored) for tier in prices.tiers)


def cheapest(offers: Sequence[Price]) -> Price | None:
    """The one that holds it all for the least; of equals the first. None where nothing holds that much."""
    return min((offer for offer in offers if offer.fits), key=lambda offer: offer.month, default=None)


def reason(best: Price, offers: Sequence[Price]) -> str:
    """Why a tier is the cheapest, in a few words, and from where on it will not be."""
    tier = best.tier
    if not best.extra_gib:
        return f"all of it fits in the {tier.included_gib:g} GiB included"
    beyond = f"{best.extra_gib:,.1f} GiB beyond the {tier.included_gib:g} GiB included"
    others = [other.tier for other in offers if other.tier is not tier]
    stored = tier.included_gib + best.extra_gib
    steps = [(gib, other) for other in others if (gib := _crossing(tier, other)) is not None and gib >= stored]
    if not steps:
        return f"{beyond} cost less than any other tier"
    gib, following = min(steps, key=lambda step: step[0])
    return f"{beyond} cost less than {following.name}, up to {gib:,.0f} GiB"


def _crossing(tier: Tier, dearer: Tier) -> float | None:
    """From how many GiB on a tier with a higher base price costs less; None if it never does."""
    if dearer.month <= tier.month:
        return None
    if tier.gib_month > 0:
        gib = tier.included_gib + (dearer.month - tier.month) / tier.gib_month
        if gib < dearer.included_gib:
            return gib
    if tier.gib_month <= dearer.gib_month:
        return None
    fixed = dearer.month - tier.month + tier.included_gib * tier.gib_month - dearer.included_gib * dearer.gib_month
    return fixed / (tier.gib_month - dearer.gib_month)


class _Owners:
    """How many roots need some content, and of which repository they all are (None: of several)."""

    def __init__(self, roots: Sequence[Root], needed: Sequence[set[str]]) -> None:
        self.count: Counter[str] = Counter()
        self.repository: dict[str, str | None] = {}
        for root, content in zip(roots, needed, strict=True):
            self.count.update(content)
            for digest in content:
                if self.repository.setdefault(digest, root.repository) != root.repository:
                    self.repository[digest] = None

    def only(self, numbers: Iterable[int], needed: Sequence[set[str]]) -> list[str]:
        """What nothing but some roots needs."""
        among: Counter[str] = Counter()
        for number in numbers:
            among.update(needed[number])
        return [digest for digest, count in among.items() if count == self.count[digest]]


def _tag(reach: Reach, number: int, content: set[str], owners: _Owners) -> TagUse:
    root = reach.roots[number]
    own = reach.bytes(digest for digest in content if owners.count[digest] == 1)
    return TagUse(root.tag or "", root.digest, reach.bytes(content), own)


def _named(reach: Reach, number: int) -> bool:
    return reach.roots[number].tag is not None
