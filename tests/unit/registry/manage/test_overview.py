"""Repositories and tags as people look at them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.registry.manage.inventories import image, index, inventory, layer, repository

from windlass.oci.manifest import OCI_INDEX
from windlass.registry.manage.cost import usage
from windlass.registry.manage.overview import TagRow, configuration_of, configured, platforms, repository_rows, tag_rows
from windlass.registry.manage.uses import Use, Uses
from windlass.registry.retention.model import Part, Repository


def rows(found: Repository, uses: Uses | None = None) -> tuple[TagRow, ...]:
    return tag_rows(found, usage(inventory(found)).repositories[0], uses or {})


def pushed(found: Repository, **times: float | None) -> Repository:
    return replace(found, tags=tuple(replace(tag, pushed=times[tag.name]) for tag in found.tags))


def test_the_newest_come_first_and_what_has_no_time_last() -> None:
    found = repository("app", {name: image(name) for name in "abcd"})
    found = pushed(found, a=10.0, b=30.0, c=None, d=20.0)
    assert [row.name for row in rows(found)] == ["b", "d", "a", "c"]


def test_repositories_are_ordered_by_their_last_push() -> None:
    old = pushed(repository("old", {"a": image("1")}), a=10.0)
    new = pushed(repository("new", {"a": image("2"), "b": image("3")}), a=5.0, b=20.0)
    never = repository("never", {"a": image("4")})
    found = inventory(old, new, never)
    listed = repository_rows(found, usage(found), {"old": "service"})
    assert [(row.name, row.pushed, row.service) for row in listed] == [
        ("new", 20.0, None),
        ("old", 10.0, "service"),
        ("never", None, None),
    ]


def test_a_manifests_time_counts_where_the_tag_has_none() -> None:
    one = replace(image("1"), pushed=7.0)
    assert rows(repository("app", {"a": one}))[0].pushed == 7.0


def test_tags_that_only_mark_signatures_are_left_out() -> None:
    one = image("1", layer("1", 10))
    mark = one.digest.replace(":", "-") + ".sig"
    found = repository("app", {"a": one, mark: image("signature")})
    assert [row.name for row in rows(found)] == ["a"]
    assert repository_rows(inventory(found), usage(inventory(found)), {})[0].tags == 1


def test_a_row_says_who_needs_it_what_it_is_also_called_and_whether_it_is_locked() -> None:
    one = image("1")
    use = Use("production", "main-abc1234", "runs")
    found = repository("app", {"main-abc1234": one, "latest": one})
    found = replace(found, tags=tuple(replace(tag, locked=tag.name == "latest") for tag in found.tags))
    by = {row.name: row for row in rows(found, {one.digest: (use,)})}
    assert by["latest"].uses == by["main-abc1234"].uses == (use,)
    assert (by["latest"].also, by["main-abc1234"].also) == (("main-abc1234",), ("latest",))
    assert (by["latest"].locked, by["main-abc1234"].locked) == (True, False)


def test_attestations_are_no_platform() -> None:
    parts = [
        Part("sha256:1", 1, OCI_INDEX, name)
        for name in ("linux/amd64", "unknown/unknown", "linux/arm64", "linux/amd64")
    ]
    assert platforms(replace(index("both"), children=tuple(parts))) == ("linux/amd64", "linux/arm64")


@pytest.mark.parametrize(
    ("configuration", "found", "created"),
    [
        (b'{"os": "linux", "architecture": "arm64", "variant": "v8", "created": "2026-01-31"}', ("linux/arm64/v8",), "2026-01-31"),
        (b'{"os": "linux", "architecture": "amd64"}', ("linux/amd64",), None),
        (b"{}", (), None),
        (b"[]", (), None),
        (b"", (), None),
        (b'{"os": 5, "architecture": null, "created": 7}', (), None),
        (b"\xff\xfe", (), None),
    ],
)  # fmt: skip
def test_a_single_manifest_says_in_its_configuration_what_it_is_for(
    configuration: bytes, found: tuple[str, ...], created: str | None
) -> None:
    one = repository("app", {"a": image("1")})
    row = rows(one)[0]
    assert one.manifests[0].config is not None
    assert configuration_of(one, row) == one.manifests[0].config.digest
    told = configured(row, configuration)
    assert (told.platforms, told.created) == (found, created)


def test_an_index_has_said_it() -> None:
    child = image("child")
    found = repository("app", {"a": index("both", child)}, child)
    assert configuration_of(found, rows(found)[0]) is None


def test_a_tag_that_leads_nowhere_is_shown() -> None:
    found = repository("app", {"a": image("1")})
    found = replace(found, manifests=())
    assert [(row.name, row.size, row.platforms) for row in rows(found)] == [("a", 0, ())]
