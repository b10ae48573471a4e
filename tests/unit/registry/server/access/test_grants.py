"""The file that says who may do what."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.errors import ConfigError
from windlass.registry.server.access.caller import ACTIONS, Grant
from windlass.registry.server.access.grants import parse_access


def test_users_and_anonymous_are_granted_globs_and_actions() -> None:
    text = """
    alice: [{repositories: "**", actions: ["*"]}]
    bob:
      - {repositories: team/**, actions: [pull, push]}
      - {repositories: base, actions: pull}
    anonymous: [{repositories: "public/*", actions: [pull]}]
    carol: []
    """
    assert parse_access(text, "access.yaml") == {
        "alice": (Grant("**", ACTIONS),),
        "bob": (Grant("team/**", frozenset({"pull", "push"})), Grant("base", frozenset({"pull"}))),
        "anonymous": (Grant("public/*", frozenset({"pull"})),),
        "carol": (),
    }


def test_an_empty_file_grants_nothing() -> None:
    assert parse_access("", "access.yaml") == {}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("- alice", "f"),
        ("alice", "f"),
        ("1: []", "f: 1"),
        ("alice: {repositories: a, actions: pull}", "f: alice"),
        ("alice: pull", "f: alice"),
        ("alice: [pull]", "f: alice[0]"),
        ("alice: [{repositories: a}]", "f: alice[0]"),
        ("alice: [{repositories: a, actions: pull, more: 1}]", "f: alice[0]"),
        ("alice: [{repositories: a, actions: pull}, {repositories: 1, actions: pull}]", "f: alice[1].repositories"),
        ("alice: [{repositories: a, actions: [1]}]", "f: alice[0].actions"),
        ("alice: [{repositories: a, actions: {}}]", "f: alice[0].actions"),
        ("alice: [{repositories: a, actions: []}]", "f: alice[0]"),
        ("alice: [{repositories: a, actions: [fly]}]", "f: alice[0]"),
        ("alice: [{repositories: A, actions: pull}]", "f: alice[0]"),
        ("'a b': []", "f: a b"),
        ("alice: [", "f: line 1"),
        ("alice: *x", "f: line 1"),
        ("!!python/object:os.system []", "f: line 1"),
        ("\0", "f"),
    ],
)
def test_anything_else_is_refused_with_its_place(text: str, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_access(text, "f")
    assert (caught.value.where or "").startswith(where)
    assert caught.value.remedy


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.text(max_size=60))
def test_no_text_ends_in_anything_but_grants_or_an_error_for_people(text: str) -> None:
    try:
        parse_access(text, "f")
    except ConfigError:
        return
