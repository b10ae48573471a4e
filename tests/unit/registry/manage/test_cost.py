"""Bytes and money: shared content counts once, and what a tag holds is what removing it frees."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.registry.manage.inventories import image, index, inventories, inventory, layer, named, repository

from windlass.model.prices import AZURE, Prices, Tier
from windlass.registry.manage.cost import GIB, RepositoryUse, TagUse, cheapest, compare, reason, usage
from windlass.registry.manage.reach import Reach, Root
from windlass.registry.retention.model import Inventory, Repository, Tag

BASE = layer("base", 1000)


def of(found: Inventory, name: str = "app") -> RepositoryUse:
    return next(one for one in usage(found).repositories if one.name == name)


def tag(found: Inventory, name: str, repository: str = "app") -> TagUse:
    return next(one for one in of(found, repository).tags if one.name == name)


def test_what_two_images_share_is_stored_once() -> None:
    first, second = image("1", BASE, layer("1", 10)), image("2", BASE, layer("2", 20))
    found = usage(inventory(repository("app", {"a": first, "b": second})))
    assert found.logical == (1000 + 10 + 2) + (1000 + 20 + 2)
    assert found.stored == 1000 + 10 + 20 + 4
    assert found.saved == 1000
    assert [(one.name, one.logical, one.own) for one in found.repositories[0].tags] == [
        ("a", 1012, 12),
        ("b", 1022, 22),
    ]


def test_what_services_share_is_nobodys_own() -> None:
    first, second = image("1", BASE, layer("1", 10)), image("2", BASE)
    found = usage(inventory(repository("app", {"a": first}), repository("web", {"a": second})))
    assert [(one.name, one.stored, one.own) for one in found.repositories] == [("app", 1012, 12), ("web", 1002, 2)]
    assert (found.stored, found.shared) == (1014, 1000)


def test_all_platforms_of_an_image_count() -> None:
    amd, arm = image("amd", BASE, layer("amd", 10)), image("arm", layer("arm", 20))
    found = inventory(repository("app", {"a": index("both", amd, arm)}, amd, arm))
    assert tag(found, "a").logical == 1000 + 10 + 20 + 4 + 1
    assert of(found).images == 1


def test_a_second_tag_of_an_image_costs_nothing_and_holds_nothing() -> None:
    one = image("1", BASE)
    found = inventory(repository("app", {"main-abc1234": one, "latest": one}))
    assert (usage(found).logical, usage(found).stored) == (1002, 1002)
    assert [(each.logical, each.own) for each in of(found).tags] == [(1002, 0), (1002, 0)]
    assert of(found).own == 1002


def test_an_untagged_image_is_held_by_nothing() -> None:
    old, new = image("old", BASE, layer("old", 30)), image("new", BASE)
    found = of(inventory(repository("app", {"latest": new}, old)))
    assert (found.images, found.untagged, found.untagged_bytes) == (2, 1, 32)


def test_signatures_count_with_what_they_sign() -> None:
    amd = image("amd", BASE)
    both = index("both", amd)
    signature = image("signature", layer("signature", 7), subject=amd.digest)
    found = inventory(repository("app", {"a": both}, amd, signature))
    assert tag(found, "a").own == 1000 + 2 + 1 + (7 + 2)
    assert of(found).untagged == 0


def test_tags_that_are_about_an_image_are_not_images() -> None:
    one = image("1", BASE)
    attached = image("signature", layer("signature", 7))
    name = one.digest.replace(":", "-") + ".sig"
    found = inventory(repository("app", {"a": one, name: attached}))
    assert [each.name for each in of(found).tags] == ["a"]
    assert tag(found, "a").own == 1002 + 9


def test_a_signature_of_something_that_is_gone_is_an_untagged_image() -> None:
    found = of(inventory(repository("app", {}, image("signature", layer("s", 7), subject=named("gone")))))
    assert (found.untagged, found.untagged_bytes) == (1, 9)


def test_manifests_that_name_each_other_end() -> None:
    """No registry can hold such a circle of children; of subjects it can, where one was pushed before its subject."""
    first = image("1", subject=named("2"))
    second = image("2", subject=named("1"))
    found = of(inventory(repository("app", {}, first, second)))
    assert (found.images, found.stored) == (1, 4)


def test_nothing_costs_nothing() -> None:
    assert usage(inventory()) == usage(inventory()).__class__(0, 0, ())
    assert of(inventory(repository("app", {}))).stored == 0


# -- for any registry ---------------------------------------------------------------------------------------------------


def reachable(found: Inventory, roots: set[tuple[str, str]]) -> dict[str, int]:
    """What is still needed, the slow way: everything is looked at until nothing more is found."""
    sizes: dict[str, int] = {}
    for repo in found.repositories:
        live = {digest for name, digest in roots if name == repo.name}
        while True:
            more = {child.digest for one in repo.manifests if one.digest in live for child in one.children}
            more |= {one.digest for one in repo.manifests if one.subject in live}
            more &= {one.digest for one in repo.manifests}
            if more <= live:
                break
            live |= more
        for one in repo.manifests:
            if one.digest in live:
                sizes[one.digest] = one.size
                sizes.update((blob.digest, blob.size) for blob in one.blobs)
    return sizes


def loose(found: Inventory) -> set[tuple[str, str]]:
    """Manifests that no tag leads to. All of them: what leads to one of them is one too."""
    tags = {(repo.name, tag.digest) for repo in found.repositories for tag in repo.tags}
    result: set[tuple[str, str]] = set()
    for repo in found.repositories:
        alive = reachable(Inventory("", (repo,)), tags)
        result |= {(repo.name, one.digest) for one in repo.manifests if one.digest not in alive}
    return result


@given(inventories())
@settings(derandomize=True, max_examples=300, deadline=None)
def test_removing_a_tag_frees_exactly_what_it_holds(found: Inventory) -> None:
    tags = [(repo.name, tag.name, tag.digest) for repo in found.repositories for tag in repo.tags]
    everything = {(repo, digest) for repo, _, digest in tags} | loose(found)
    before = sum(reachable(found, everything).values())
    report = usage(found)
    assert report.stored == before
    own = {(repo.name, one.name): one.own for repo in report.repositories for one in repo.tags}
    for removed in tags:
        left = {(repo, digest) for repo, name, digest in tags if (repo, name) != removed[:2]} | loose(found)
        assert before - sum(reachable(found, left).values()) == own[removed[:2]]


@given(inventories())
@settings(derandomize=True, max_examples=300, deadline=None)
def test_parts_never_exceed_the_whole(found: Inventory) -> None:
    report = usage(found)
    for repo in report.repositories:
        assert sum(one.own for one in repo.tags) + repo.untagged_bytes <= repo.own <= repo.stored
        assert repo.stored <= repo.logical
        assert all(one.own <= one.logical for one in repo.tags)
    assert sum(repo.own for repo in report.repositories) <= report.stored <= report.logical
    assert max((repo.stored for repo in report.repositories), default=0) <= report.stored


@given(inventories())
@settings(derandomize=True, max_examples=200, deadline=None)
def test_what_a_repository_holds_alone_is_what_goes_with_it(found: Inventory) -> None:
    reach = Reach(found)
    for repo, used in zip(found.repositories, usage(found, reach).repositories, strict=True):
        assert reach.freed(repo.name, {one.digest for one in repo.manifests}) == used.own


def test_a_root_is_a_tag_or_what_nothing_leads_to() -> None:
    child = image("child")
    both = index("both", child)
    found = Reach(inventory(repository("app", {"a": both, "b": child}, image("loose"))))
    assert set(found.roots) == {
        Root("app", "a", both.digest),
        Root("app", "b", child.digest),
        Root("app", None, named("loose")),
    }


# -- money --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gib", "name", "month"),
    [
        (0, "basic", 5),
        (10, "basic", 5),
        (30, "basic", 5 + 2),
        (100, "basic", 5 + 9),  # standard would cost 20: storage alone is no reason for it
        (459, "basic", 5 + 44.9),
        (461, "premium", 50),
        (500, "premium", 50),
        (600, "premium", 50 + 10),
        (50 * 1024, "premium", 50 + (50 * 1024 - 500) * 0.1),
    ],
)
def test_the_cheapest_tier_that_holds_it(gib: int, name: str, month: float) -> None:
    best = cheapest(compare(AZURE, gib * GIB))
    assert best is not None
    assert best.tier.name == name
    assert best.month == pytest.approx(month)


def test_where_nothing_holds_that_much_no_tier_is_named() -> None:
    assert cheapest(compare(AZURE, 200 * 1024 * GIB)) is None


def test_a_price_list_without_limits_holds_anything() -> None:
    best = cheapest(compare(Prices("USD", "2026-06", (Tier("flat", 0, 0, 0.1),)), 10**15))
    assert best is not None
    assert best.month == pytest.approx(10**15 / GIB * 0.1)


@pytest.mark.parametrize(
    ("gib", "said"),
    [
        (3, "all of it fits in the 10 GiB included"),
        (30, "20.0 GiB beyond the 10 GiB included cost less than premium, up to 460 GiB"),
        (490, "all of it fits in the 500 GiB included"),
        (60 * 1024, "60,940.0 GiB beyond the 500 GiB included cost less than any other tier"),
    ],
)
def test_why_a_tier_is_the_cheapest(gib: int, said: str) -> None:
    offers = compare(AZURE, gib * GIB)
    best = cheapest(offers)
    assert best is not None
    assert reason(best, offers) == said


def test_a_tier_that_never_costs_less_is_not_named_as_the_next() -> None:
    alike = Prices("USD", "2026-06", (Tier("a", 17.0, 0.0, 0.05), Tier("b", 18.0, 20.0, 0.05)))
    offers = compare(alike, 22 * GIB)
    best = cheapest(offers)
    assert best is not None
    assert reason(best, offers) == "22.0 GiB beyond the 0 GiB included cost less than any other tier"


TIERS = st.builds(
    Tier,
    st.sampled_from("abc"),
    st.integers(0, 50).map(float),
    st.integers(0, 100).map(float),
    st.sampled_from([0.0, 0.05, 0.1, 0.5]),
)


@given(st.lists(TIERS, min_size=2, max_size=3, unique_by=lambda tier: tier.name), st.integers(0, 300))
@settings(derandomize=True)
def test_a_tier_is_the_cheapest_up_to_where_it_says(tiers: list[Tier], gib: int) -> None:
    prices = Prices("USD", "2026-06", tuple(tiers))
    offers = compare(prices, gib * GIB)
    best = cheapest(offers)
    assert best is not None
    found = re.search(r"than (\w), up to ([\d,]+) GiB", reason(best, offers))
    if found is not None:
        turn = int(found[2].replace(",", ""))
        assert turn >= gib - 1
        following = cheapest(compare(prices, (turn + 2) * GIB))
        assert following is not None
        assert following.month <= compare(Prices("", "", (best.tier,)), (turn + 2) * GIB)[0].month


def test_a_signature_whose_manifest_is_gone_weighs_nothing() -> None:
    one = image("one", layer("a", 10))
    tags = (Tag("v1", one.digest), Tag(f"{one.digest.replace(':', '-')}.sig", named("deleted just now")))
    used = usage(inventory(Repository("api", tags, (one,))))
    assert used.stored == 12
    assert [tag.name for tag in used.repositories[0].tags] == ["v1"]
