"""Pages give every entry once and in order, whatever their size and whatever happens in between."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.registry.server.acr.listing import (
    PAGE,
    PAGE_LIMIT,
    Page,
    Paging,
    link,
    page_of_names,
    page_of_times,
    path_of,
    read_paging,
)
from windlass.registry.server.acr.paths import tag_unknown
from windlass.registry.server.problems import Problem
from windlass.registry.server.wire import Query

KEYS = st.text("abAB01._-", min_size=1, max_size=4)
TIMES = st.dictionaries(KEYS, st.integers(0, 5), max_size=12)
ORDERS = st.sampled_from(["", "none", "timeasc", "timedesc"])


def page(times: dict[str, int], paging: Paging) -> Page[str]:
    entries = sorted((time, key) for key, time in times.items())
    return page_of_times(entries, paging, tag_unknown()) if paging.by_time else page_of_names(sorted(times), paging)


def expected(times: dict[str, int], order: str) -> list[str]:
    if order not in ("timeasc", "timedesc"):
        return sorted(times)
    return [key for _, key in sorted(((time, key) for key, time in times.items()), reverse=order == "timedesc")]


@settings(derandomize=True, deadline=None)
@given(TIMES, ORDERS, st.integers(1, 15))
def test_paging_gives_every_entry_once_and_in_order(times: dict[str, int], order: str, size: int) -> None:
    found: list[str] = []
    paging = Paging(size, None, order)
    while True:
        got = page(times, paging)
        assert len(got.keys) <= size
        found += got.keys
        if got.last is None:
            break
        header = link(path_of("a/b", "_tags"), paging, got.last)[1]
        target = urlsplit(header[1 : header.index(">")])
        assert target.path == "/acr/v1/a%2Fb/_tags"
        paging = read_paging(Query(target.query))
        assert paging == Paging(size, got.last, order)
    assert found == expected(times, order)


@settings(derandomize=True, deadline=None)
@given(TIMES, ORDERS, st.integers(1, 5), st.sets(KEYS), st.booleans())
def test_deleting_what_was_listed_loses_nothing_that_follows(
    times: dict[str, int], order: str, size: int, others: set[str], all_of_it: bool
) -> None:
    found: list[str] = []
    left, last = dict(times), None
    while True:
        got = page(left, Paging(size, last, order))
        found += got.keys
        for key in got.keys:
            if all_of_it or key in others:
                del left[key]
        if (last := got.last) is None:
            break
    assert found == expected(times, order)


def test_a_bare_name_is_a_marker_too() -> None:
    times = {"a": 3, "b": 1, "c": 2}
    assert page(times, Paging(5, "c", "timeasc")).keys == ("a",)
    assert page(times, Paging(5, "c", "timedesc")).keys == ("b",)
    assert page(times, Paging(5, "aa")).keys == ("b", "c")


def test_a_bare_name_that_is_gone_is_no_place_in_time() -> None:
    with pytest.raises(Problem, match="TAG_UNKNOWN"):
        page({"a": 1}, Paging(5, "gone", "timeasc"))


@pytest.mark.parametrize(
    ("query", "paging"),
    [
        ("", Paging(PAGE, None)),
        ("n=7&last=x", Paging(7, "x")),
        ("n=007", Paging(7, None)),
        ("n=1000000", Paging(PAGE_LIMIT, None)),
        (f"n={'9' * 5000}", Paging(PAGE_LIMIT, None)),
        ("orderby=&last=", Paging(PAGE, None)),
        ("orderby=timedesc", Paging(PAGE, None, "timedesc")),
    ],
)
def test_what_a_page_is_asked_for_with(query: str, paging: Paging) -> None:
    assert read_paging(Query(query)) == paging


@pytest.mark.parametrize("n", ["0", "000", "-1", "1.5", "x", "", "1e3", "%D9%A3", "+1", "1 "])
def test_a_size_that_is_no_positive_number_is_refused(n: str) -> None:
    with pytest.raises(Problem) as caught:
        read_paging(Query(f"n={n}"))
    assert (caught.value.status, caught.value.code) == (400, "PAGINATION_NUMBER_INVALID")


@pytest.mark.parametrize("order", ["time", "TIMEDESC", "name", "timeasc,timedesc"])
def test_an_unknown_order_is_refused(order: str) -> None:
    with pytest.raises(Problem) as caught:
        read_paging(Query(f"orderby={order}"))
    assert caught.value.status == 400


def test_a_filter_goes_with_the_link() -> None:
    header = link("/acr/v1/a/_tags", Paging(3, None), "5$v1", digest="sha256:1", other=None)[1]
    assert parse_qs(urlsplit(header[1 : header.index(">")]).query) == {
        "last": ["5$v1"],
        "n": ["3"],
        "digest": ["sha256:1"],
    }
