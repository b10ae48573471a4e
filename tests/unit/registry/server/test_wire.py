"""Reading paths and pages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.registry.server.names import is_name
from windlass.registry.server.problems import Problem
from windlass.registry.server.wire import Query, Route, check_reference, next_link, page, route


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v2/", Route("base")),
        ("/v2", Route("base")),
        ("/v2/_catalog", Route("catalog")),
        ("/v2/a/b/manifests/latest", Route("manifest", "a/b", "latest")),
        ("/v2/a/blobs/sha256:00", Route("blob", "a", "sha256:00")),
        ("/v2/a/blobs/uploads/", Route("upload", "a")),
        ("/v2/a/blobs/uploads", Route("upload", "a")),
        ("/v2/a/blobs/uploads/id", Route("upload", "a", "id")),
        ("/v2/a/tags/list", Route("tags", "a")),
        ("/v2/a/referrers/sha256:00", Route("referrers", "a", "sha256:00")),
        ("/v2/tags/manifests/blobs/manifests/list", Route("manifest", "tags/manifests/blobs", "list")),
    ],
)
def test_paths_mean_what_the_specification_says(path: str, expected: Route) -> None:
    assert route(path) == expected


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("/v1/", 404),
        ("/v2/a", 404),
        ("/v2/a/b/c", 404),
        ("/v2/../manifests/x", 400),
        ("/v2/a/../b/manifests/x", 400),
        ("/v2//manifests/x", 400),
        ("/v2/manifests/x", 404),
        ("/v2/A/tags/list", 400),
        ("/v2/a/_blobs/manifests/x", 400),
    ],
)
def test_other_paths_are_refused(path: str, status: int) -> None:
    with pytest.raises(Problem) as caught:
        route(path)
    assert caught.value.status == status


@settings(derandomize=True, deadline=None)
@given(st.text(max_size=80))
def test_no_path_gives_an_unchecked_name(text: str) -> None:
    try:
        found = route(f"/v2/{text}")
    except Problem:
        return
    assert found.name == "" or is_name(found.name)


@pytest.mark.parametrize(
    ("text", "code"), [("sha256:1", "DIGEST_INVALID"), ("md5:aa", "DIGEST_INVALID"), ("..", "MANIFEST_INVALID")]
)
def test_a_reference_is_a_tag_or_a_supported_digest(text: str, code: str) -> None:
    with pytest.raises(Problem, match=code):
        check_reference(text)


@settings(derandomize=True, deadline=None)
@given(st.sets(st.text("abcXYZ019._-", min_size=1, max_size=4)), st.integers(1, 5))
def test_following_the_pages_gives_every_item_once(items: set[str], size: int) -> None:
    everything, seen, last = sorted(items), [], None
    while True:
        shown, last = page(everything, Query(f"n={size}" + (f"&last={last}" if last else "")), 100)
        seen += shown
        if last is None:
            break
    assert seen == everything


def test_a_page_of_nothing_has_no_successor() -> None:
    assert page(["a", "b"], Query("n=0"), 100) == ([], None)


@pytest.mark.parametrize("text", ["n=-1", "n=x", "n=", "n=1.5", "n=٣", "n=99999999999999999999"])
def test_a_page_size_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Problem):
        page(["a"], Query(text), 100)


def test_a_link_quotes_its_parameters() -> None:
    link = next_link("/v2/a/tags/list", n=1, last="a&b", artifactType="x/y+z")
    assert link == ("link", '</v2/a/tags/list?n=1&last=a%26b&artifactType=x%2Fy%2Bz>; rel="next"')
