"""What requests need, and how they are refused."""

from __future__ import annotations

import pytest

from windlass.registry.server.access.caller import ANONYMOUS, CATALOG, Caller, Grant, ResourceScope, repository_scope
from windlass.registry.server.access.decisions import challenge, needs, refusal
from windlass.registry.server.wire import route

REALM = "https://registry.example/token"
DIGEST = "sha256:" + "0" * 64
PULL = repository_scope("team/app", "pull")
PUSH = repository_scope("team/app", "push")
GRANTED = (Grant("team/**", frozenset({"pull", "push"})),)


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("GET", "/v2/", ()),
        ("GET", "/v2/_catalog", (CATALOG,)),
        ("GET", "/v2/team/app/manifests/latest", (PULL,)),
        ("HEAD", f"/v2/team/app/blobs/{DIGEST}", (PULL,)),
        ("GET", "/v2/team/app/tags/list", (PULL,)),
        ("GET", f"/v2/team/app/referrers/{DIGEST}", (PULL,)),
        ("PUT", "/v2/team/app/manifests/latest", (PUSH,)),
        ("DELETE", "/v2/team/app/manifests/latest", (repository_scope("team/app", "delete"),)),
        ("DELETE", f"/v2/team/app/blobs/{DIGEST}", (repository_scope("team/app", "delete"),)),
        ("POST", "/v2/team/app/blobs/uploads/", (PUSH,)),
        ("GET", "/v2/team/app/blobs/uploads/id", (PUSH,)),
        ("PATCH", "/v2/team/app/blobs/uploads/id", (PUSH,)),
        ("DELETE", "/v2/team/app/blobs/uploads/id", (PUSH,)),
        ("BREW", "/v2/team/app/manifests/latest", (PUSH,)),
    ],
)
def test_every_request_needs_its_scope(method: str, path: str, scopes: tuple[ResourceScope, ...]) -> None:
    assert needs(route(path), method) == scopes


def test_who_may_is_let_through() -> None:
    assert refusal(Caller("alice", GRANTED), (PULL, PUSH), REALM) is None
    assert refusal(Caller("alice", GRANTED, (PULL,)), (PULL,), REALM) is None


def test_nobody_in_particular_is_asked_to_log_in() -> None:
    problem = refusal(Caller(ANONYMOUS, ()), (PULL,), REALM)
    assert problem is not None
    assert (problem.status, problem.code) == (401, "UNAUTHORIZED")
    assert dict(problem.headers)["www-authenticate"] == (
        f'Bearer realm="{REALM}",service="windlass-registry",scope="repository:team/app:pull"'
    )
    assert problem.detail == [{"Type": "repository", "Name": "team/app", "Action": "pull"}]


def test_a_token_for_less_than_was_granted_is_to_be_replaced() -> None:
    problem = refusal(Caller("alice", GRANTED, (PULL,)), (PUSH,), REALM)
    assert problem is not None
    assert problem.status == 401
    said = dict(problem.headers)["www-authenticate"]
    assert 'scope="repository:team/app:pull,push"' in said
    assert 'error="insufficient_scope"' in said


@pytest.mark.parametrize("limits", [None, (PULL,)])
def test_what_no_other_token_would_help_with_is_denied(limits: tuple[ResourceScope, ...] | None) -> None:
    problem = refusal(Caller("alice", GRANTED, limits), (repository_scope("team/app", "delete"),), REALM)
    assert problem is not None
    assert (problem.status, problem.code, problem.headers) == (403, "DENIED", ())


def test_a_challenge_names_every_scope() -> None:
    said = dict(challenge(REALM, (PULL, CATALOG), "x").headers)["www-authenticate"]
    assert 'scope="repository:team/app:pull registry:catalog:*"' in said
