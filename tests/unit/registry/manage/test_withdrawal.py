"""What taking a tag or an image away does."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.registry.manage.inventories import image, index, inventories, inventory, layer, named, repository

from windlass.registry.manage.cost import usage
from windlass.registry.manage.reach import Reach
from windlass.registry.manage.uses import Use
from windlass.registry.manage.withdrawal import Withdrawal, withdraw
from windlass.registry.retention.model import Inventory

BASE = layer("base", 1000)
AMD, ARM = image("amd", BASE, layer("amd", 10)), image("arm", layer("arm", 20))
BOTH = index("both", AMD, ARM)


def ask(found: Inventory, pointer: str, name: str = "app", **used: Use) -> Withdrawal:
    asked = found.repository(name)
    assert asked is not None
    done = withdraw(found, asked, pointer, {named(digest): (use,) for digest, use in used.items()})
    assert done is not None
    return done


def roles(done: Withdrawal) -> list[tuple[str, str]]:
    return [(one.role, one.digest) for one in done.deletes]


def test_the_only_tag_goes_with_its_image_and_all_platforms() -> None:
    found = inventory(repository("app", {"old": BOTH}, AMD, ARM))
    done = ask(found, "old")
    assert roles(done) == [("image", BOTH.digest), ("platform", AMD.digest), ("platform", ARM.digest)]
    assert done.frees == usage(found).stored
    assert done.also == ()


def test_one_of_several_tags_is_only_untagged() -> None:
    done = ask(inventory(repository("app", {"main-abc1234": BOTH, "latest": BOTH}, AMD, ARM)), "latest")
    assert (done.untags, done.frees, done.also) == (True, 0, ("main-abc1234",))


def test_by_digest_all_tags_go() -> None:
    found = inventory(repository("app", {"main-abc1234": BOTH, "latest": BOTH}, AMD, ARM))
    done = ask(found, BOTH.digest)
    assert done.also == ("main-abc1234", "latest")
    assert not done.untags
    assert done.frees == usage(found).stored


def test_platforms_that_another_image_shares_stay() -> None:
    other = index("other", AMD)
    done = ask(inventory(repository("app", {"old": BOTH, "new": other}, AMD, ARM)), "old")
    assert roles(done) == [("image", BOTH.digest), ("platform", ARM.digest)]
    assert done.frees == 1 + 20 + 2


def test_a_platform_with_a_tag_of_its_own_stays() -> None:
    done = ask(inventory(repository("app", {"old": BOTH, "amd-only": AMD}, ARM)), "old")
    assert [one.digest for one in done.deletes] == [BOTH.digest, ARM.digest]


def test_a_tag_on_a_platform_of_a_kept_image_is_only_untagged() -> None:
    done = ask(inventory(repository("app", {"both": BOTH, "amd-only": AMD}, ARM)), "amd-only")
    assert done.untags


def test_a_platform_of_a_kept_image_cannot_be_taken_out_by_digest() -> None:
    done = ask(inventory(repository("app", {"both": BOTH}, AMD, ARM)), AMD.digest)
    assert done.part_of == ("both",)


def test_signatures_go_with_what_they_sign_before_the_platforms() -> None:
    signature = replace(image("signature", subject=AMD.digest), artifact_type="application/vnd.signature")
    done = ask(inventory(repository("app", {"old": BOTH}, AMD, ARM, signature)), "old")
    assert [(one.role, one.name) for one in done.deletes] == [
        ("image", ""),
        ("referrer", "application/vnd.signature"),
        ("platform", "linux/amd64"),
        ("platform", "linux/amd64"),
    ]


def test_signatures_of_the_older_kind_go_too() -> None:
    one = image("1", BASE)
    name = one.digest.replace(":", "-") + ".sig"
    done = ask(inventory(repository("app", {"a": one, name: image("signature")})), "a")
    assert roles(done) == [("image", one.digest), ("referrer", named("signature"))]


def test_a_platform_of_something_that_is_not_listed_stays() -> None:
    """What runs may have lost its tag, and most registries list no untagged images."""
    found = inventory(repository("app", {"old": BOTH}, AMD, ARM))
    done = withdraw(found, found.repositories[0], "old", {}, frozenset({AMD.digest}))
    assert done is not None
    assert [one.digest for one in done.deletes] == [BOTH.digest, ARM.digest]


def test_layers_that_another_service_needs_are_not_freed() -> None:
    found = inventory(repository("app", {"a": image("1", BASE)}), repository("web", {"a": image("2", BASE)}))
    assert ask(found, "a").frees == 2


def test_who_needs_the_image_is_said() -> None:
    use = Use("production", "main-abc1234", "runs")
    found = inventory(repository("app", {"a": BOTH, "b": BOTH}, AMD, ARM))
    assert ask(found, BOTH.digest, both=use).uses == (use,)
    assert ask(found, BOTH.digest, amd=use).uses == (use,), "also when it is one of its platforms that runs"
    assert ask(found, "a", both=use).uses == (), "taking one of two tags away takes nothing from anybody"


def test_locks_are_said() -> None:
    repo = repository("app", {"a": AMD, "b": ARM})
    locked = tuple(replace(tag, locked=tag.name == "a") for tag in repo.tags)
    found = inventory(replace(repo, tags=locked, manifests=(AMD, replace(ARM, locked=True))))
    assert ask(found, "a").locked == ("the tag a",)
    assert ask(found, AMD.digest).locked == ("the tag a",), "by digest the tag would go too"
    assert ask(found, "b").locked == (f"the manifest {ARM.digest[:19]}",)
    found = inventory(replace(repo, locked=True))
    assert ask(found, "b").locked == ("the repository app",)


def test_what_is_not_there_is_not_there() -> None:
    found = inventory(repository("app", {"a": AMD}))
    assert withdraw(found, found.repositories[0], "b", {}) is None
    assert withdraw(found, found.repositories[0], named("b"), {}) is None


def test_a_tag_that_leads_nowhere_is_taken_away() -> None:
    repo = repository("app", {"a": AMD})
    found = inventory(replace(repo, manifests=()))
    assert ask(found, "a").untags


@given(inventories(), st.data())
@settings(derandomize=True, max_examples=400, deadline=None)
def test_nothing_that_stays_loses_anything(found: Inventory, data: st.DataObject) -> None:
    """Over any registry: what is left leads to all it led to before, and the bytes that are said to be freed are."""
    pointers = [(repo, tag.name) for repo in found.repositories for tag in repo.tags]
    pointers += [(repo, one.digest) for repo in found.repositories for one in repo.manifests]
    if not pointers:
        return
    repo, pointer = data.draw(st.sampled_from(pointers))
    done = withdraw(found, repo, pointer, {})
    assert done is not None
    if done.part_of and not done.untags:
        return  # refused
    gone = {one.digest for one in done.deletes}
    tags = tuple(tag for tag in repo.tags if tag.digest not in gone and not (done.untags and tag.name == pointer))
    after = replace(repo, tags=tags, manifests=tuple(one for one in repo.manifests if one.digest not in gone))
    left = Inventory("", tuple(after if one is repo else one for one in found.repositories))
    before, now = Reach(found), Reach(left)
    withdrawn = next(one for one in repo.manifests if one.digest == done.digest)
    for tag in after.tags:
        lost = before.content(repo.name, (tag.digest,)) - now.content(repo.name, (tag.digest,))
        assert not lost or withdrawn.subject is not None, "only who takes a signature away takes it from an image"
    for one in after.manifests:
        assert all(child.digest not in gone for child in one.children)
    assert usage(found).stored - usage(left).stored == done.frees
