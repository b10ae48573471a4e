"""What tags and times mean."""

from __future__ import annotations

import pytest

from windlass.model.retention import DAY, RetentionPolicy
from windlass.oci import records
from windlass.registry.retention.ages import clock_of, dated, parse_time
from windlass.registry.retention.images import BranchRules, days
from windlass.registry.retention.model import Inventory, Manifest, Repository, Tag
from windlass.registry.retention.scope import Scope, TagNames, branch_in_tag, refers_to

NAMES = TagNames(("main-{sha}", "latest", "rel.{sha}.x", "v1-abc1234"))


@pytest.mark.parametrize(
    ("tag", "meaning"),
    [
        ("main-abc1234", ("main", "abc1234")),
        ("feature-x-abc1234", ("feature-x", "abc1234")),
        ("main-abc1234-dirty-def5678", ("main", "abc1234")),
        ("rel.abc1234.x", ("rel", "abc1234")),
        ("latest", None),
        ("v1-abc1234", None),
        ("1.2.3", None),
        ("main-abc123", None),
        ("main-abc12345", None),
        ("main-ABC1234", None),
        ("sha256-" + "a" * 64, None),
        ("last-" + "a" * 64, None),
    ],
)
def test_the_branch_of_a_tag_comes_before_its_commit(tag: str, meaning: tuple[str, str] | None) -> None:
    assert NAMES.commit(tag) == meaning


def test_a_tag_may_name_what_it_refers_to() -> None:
    assert refers_to("sha256-" + "a" * 64) == "sha256:" + "a" * 64
    assert refers_to("sha256-" + "a" * 64 + ".sig") == "sha256:" + "a" * 64
    assert refers_to("sha512-" + "b" * 128) == "sha512:" + "b" * 128
    assert refers_to("sha256-" + "a" * 63) is refers_to("main-abc1234") is None


@pytest.mark.parametrize(
    ("branch", "number"),
    [("main", 9), ("feature-x", 2), ("feature-special", 7), ("release-1", 3), ("mainly", 3)],
)
def test_a_branch_named_in_full_comes_first_then_the_first_pattern(branch: str, number: int) -> None:
    policy = RetentionPolicy(4, (("feature/*", 2), ("*", 3), ("main", 9), ("feature/special", 7)))
    scope = Scope(frozenset(), "f", "t", "c", steady=frozenset({"develop"}))
    rules = BranchRules(policy, scope)
    assert rules.number(branch) == number
    assert rules.idle("feature-x", 91 * DAY)
    assert not rules.idle("main", 91 * DAY)
    assert not rules.idle("develop", 91 * DAY)
    assert BranchRules(RetentionPolicy(4), scope).number(branch) == 4


def test_branches_are_spelled_as_in_tags() -> None:
    assert branch_in_tag("feature/x y") == "feature-x-y"
    assert branch_in_tag("feature/*") == "feature-*"


NO_TIMES = ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1980-01-01T00:00:00Z", "2026-01-01T00:00:00")


@pytest.mark.parametrize("text", [*NO_TIMES, "yesterday", "", None, 5, "9999-99-99T00:00:00Z"])
def test_what_is_no_time_is_none(text: object) -> None:
    assert parse_time(text) is None


def test_times_are_read_as_registries_write_them() -> None:
    assert parse_time("2021-05-28T17:15:14.9483587Z") == pytest.approx(1622222114.948358)
    assert parse_time("2021-05-28T17:15:14Z") == parse_time("2021-05-28T19:15:14.000000000+02:00") == 1622222114.0


def test_the_earlier_clock_counts() -> None:
    inventory = Inventory("h", ())
    assert clock_of(inventory, 2e9).now == 2e9
    assert clock_of(Inventory("h", (), clock=1.9e9), 2e9).now == 1.9e9
    assert clock_of(Inventory("h", (), clock=2.1e9), 2e9).now == 2e9


def test_where_the_registry_tells_no_times_commits_and_records_do() -> None:
    image = f"sha256:{1:064x}"
    annotations = (
        (records.REPOSITORY, "api"),
        (records.DIGEST, image),
        (records.CREATED, "2026-01-02T00:00:00+00:00"),
    )
    record = Manifest(f"sha256:{9:064x}", "", 1, annotations=annotations)
    tags = (
        Tag("main-aaaaaaa", image),
        Tag("main-bbbbbbb", f"sha256:{2:064x}"),
        Tag("main-ccccccc", f"sha256:{3:064x}"),
        Tag("main-ddddddd", image, pushed=5e8),
    )
    inventory = Inventory("h", (Repository("api", tags), Repository("f", (), (record,))))
    scope = Scope(frozenset({"api"}), "f", "t", "c")
    found = dated(inventory, scope, {"aaaaaaa": 1.0, "bbbbbbb": 1.75e9})
    assert [one.pushed for one in found.repositories[0].tags] == [1767312000.0, 1.75e9, None, 5e8]


def test_limits_are_shown_as_people_write_them() -> None:
    assert [days(one) for one in (7 * DAY, 36 * 3600.0, 90.0 * 60, 1.5)] == ["7d", "36h", "90m", "1.5s"]
