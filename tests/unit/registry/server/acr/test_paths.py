"""A path means one thing or is refused, and each takes the scope that ACR asks for."""

from __future__ import annotations

import pytest

from windlass.registry.server.acr.paths import Place, check_method, needed_scope, read_path
from windlass.registry.server.names import digest_of
from windlass.registry.server.problems import Problem

DIGEST = digest_of(b"x")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/acr/v1/_catalog", Place("catalog")),
        ("/acr/v1/app", Place("repository", "app")),
        ("/acr/v1/team/app", Place("repository", "team/app")),
        ("/acr/v1/team/app/_tags", Place("tags", "team/app")),
        ("/acr/v1/team/app/_tags/v1", Place("tag", "team/app", "v1")),
        ("/acr/v1/app/_tags/_catalog", Place("tag", "app", "_catalog")),
        ("/acr/v1/tags/manifests/_manifests", Place("manifests", "tags/manifests")),
        (f"/acr/v1/app/_manifests/{DIGEST}", Place("manifest", "app", DIGEST)),
    ],
)
def test_what_paths_mean(path: str, place: Place) -> None:
    assert read_path(path) == place


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/acr/v1/", "NAME_INVALID"),
        ("/acr/v1/App", "NAME_INVALID"),
        ("/acr/v1/../etc", "NAME_INVALID"),
        ("/acr/v1/a//b", "NAME_INVALID"),
        ("/acr/v1/a/", "NAME_INVALID"),
        ("/acr/v1/_tags", "NAME_INVALID"),
        ("/acr/v1/" + "a" * 256, "NAME_INVALID"),
        ("/acr/v1/app/_tags/", "TAG_UNKNOWN"),
        ("/acr/v1/app/_tags/..", "TAG_UNKNOWN"),
        ("/acr/v1/app/_tags/a$b", "TAG_UNKNOWN"),
        ("/acr/v1/app/_manifests/latest", "DIGEST_INVALID"),
        ("/acr/v1/app/_manifests/sha256:0", "DIGEST_INVALID"),
        ("/acr/v1/app/_tags/v1/x", "UNSUPPORTED"),
        ("/acr/v1/app/_catalog", "UNSUPPORTED"),
        ("/acr/v1/app/_nothing", "UNSUPPORTED"),
        ("/acr/v2/app", "UNSUPPORTED"),
        ("/acr/", "UNSUPPORTED"),
    ],
)
def test_what_paths_cannot_mean(path: str, code: str) -> None:
    with pytest.raises(Problem) as caught:
        read_path(path)
    assert caught.value.code == code
    assert caught.value.status in (400, 404)


@pytest.mark.parametrize(
    ("method", "place", "scope"),
    [
        ("GET", Place("catalog"), "registry:catalog:*"),
        ("GET", Place("tag", "a/b", "v1"), "repository:a/b:metadata_read"),
        ("HEAD", Place("manifests", "a"), "repository:a:metadata_read"),
        ("PATCH", Place("repository", "a"), "repository:a:metadata_write"),
        ("DELETE", Place("repository", "a"), "repository:a:delete"),
        ("DELETE", Place("tag", "a", "v1"), "repository:a:delete"),
    ],
)
def test_the_scope_a_request_takes(method: str, place: Place, scope: str) -> None:
    assert str(needed_scope(place, method)) == scope


@pytest.mark.parametrize(
    ("method", "place"),
    [
        ("POST", Place("catalog")),
        ("DELETE", Place("catalog")),
        ("PATCH", Place("tags", "a")),
        ("DELETE", Place("manifests", "a")),
        ("DELETE", Place("manifest", "a", DIGEST)),
        ("PUT", Place("repository", "a")),
    ],
)
def test_other_methods_are_refused(method: str, place: Place) -> None:
    with pytest.raises(Problem) as caught:
        check_method(place, method)
    assert caught.value.status == 405
