"""Globs, scopes, and what a caller may do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.registry.server.access.caller import (
    ACTIONS,
    ANONYMOUS,
    CATALOG,
    EVERYBODY,
    Action,
    Caller,
    Grant,
    ResourceScope,
    allowed,
    is_glob,
    parse_scopes,
    repository_scope,
)


def grant(glob: str, *actions: Action) -> Grant:
    return Grant(glob, frozenset(actions))


@pytest.mark.parametrize(
    ("glob", "name", "covered"),
    [
        ("app", "app", True),
        ("app", "apps", False),
        ("app", "team/app", False),
        ("*", "app", True),
        ("*", "team/app", False),
        ("**", "team/app", True),
        ("team/*", "team/app", True),
        ("team/*", "team/app/web", False),
        ("team/**", "team/app/web", True),
        ("team/**", "team", False),
        ("team/**", "teams/app", False),
        ("team-*/app", "team-a/app", True),
        ("team-*/app", "team-a/b/app", False),
        ("**/web", "a/b/web", True),
        ("a.b", "axb", False),
    ],
)
def test_a_star_stays_within_a_part_and_two_go_across(glob: str, name: str, covered: bool) -> None:
    assert grant(glob, "pull").covers(name, "pull") is covered
    assert not grant(glob, "pull").covers(name, "push")


@pytest.mark.parametrize("glob", ["", "***", "A", "a b", "a?", "[a]", "a:b", "a\n", "x" * 256])
def test_what_matches_no_name_is_no_glob(glob: str) -> None:
    assert not is_glob(glob)


def test_a_token_limits_and_never_widens() -> None:
    grants = (grant("team/**", "pull", "push"),)
    limits = (repository_scope("team/a", "pull"), repository_scope("other", "pull"))
    caller = Caller("alice", grants, limits)
    assert caller.may("team/a", "pull")
    assert not caller.may("team/a", "push")
    assert caller.granted("team/a", "push")
    assert not caller.may("team/b", "pull")
    assert not caller.may("other", "pull")
    assert not caller.may_list()


def test_everybody_may_do_everything() -> None:
    assert all(EVERYBODY.may("a/b", action) for action in ACTIONS)
    assert EVERYBODY.may_list()


def test_who_was_granted_nothing_may_not_even_list() -> None:
    assert not Caller(ANONYMOUS, ()).may_list()


def test_scopes_are_read_as_the_specification_writes_them() -> None:
    texts = ["repository:a/b:pull,push registry:catalog:*", "repository(plugin):p:pull", "repository:host:5000/a:pull"]
    assert parse_scopes(texts) == (
        repository_scope("a/b", "pull", "push"),
        CATALOG,
        repository_scope("p", "pull"),
        repository_scope("host:5000/a", "pull"),
    )


@pytest.mark.parametrize("text", ["", "repository", "repository:a", ":::", "REPOSITORY:a:pull", "repository:a:PULL"])
def test_what_is_no_scope_is_passed_over(text: str) -> None:
    assert parse_scopes([text]) == ()


def test_a_token_is_for_what_was_asked_and_granted() -> None:
    caller = Caller("alice", (grant("a", "pull", "delete"), grant("b", "push")))
    wanted = parse_scopes(["repository:a:pull,push repository:b:* repository:c:pull registry:catalog:*"])
    assert allowed(caller, wanted) == (repository_scope("a", "pull"), repository_scope("b", "push"), CATALOG)


@settings(derandomize=True, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "*", "**"]), st.sets(st.sampled_from(sorted(ACTIONS))))),
    st.lists(st.tuples(st.sampled_from(["a", "b", "a/b"]), st.sets(st.sampled_from([*sorted(ACTIONS), "*", "x"])))),
)
def test_no_token_allows_what_was_not_granted(
    granted: list[tuple[str, set[Action]]], wanted: list[tuple[str, set[str]]]
) -> None:
    caller = Caller("alice", tuple(Grant(glob, frozenset(actions)) for glob, actions in granted))
    scopes = allowed(caller, [ResourceScope("repository", name, frozenset(actions)) for name, actions in wanted])
    holder = Caller("alice", caller.grants, scopes)
    for name in ("a", "b", "a/b"):
        for action in ACTIONS:
            asked = any(name == one and (action in actions or "*" in actions) for one, actions in wanted)
            assert holder.may(name, action) == (asked and caller.granted(name, action))
    assert all("*" not in scope.actions for scope in scopes)
