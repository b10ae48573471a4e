"""The Authorization header."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.registry.server.access.credentials import Basic, Bearer, Malformed, read_authorization


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_both_schemes_are_read_in_any_case() -> None:
    assert read_authorization(basic("alice:a:b")) == Basic("alice", "a:b")
    assert read_authorization(basic("alice:sécret").replace("Basic", "bASIC")) == Basic("alice", "sécret")
    assert read_authorization("bearer a.b.c") == Bearer("a.b.c")


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        "Basic",
        "Basic !",
        "Basic YWxpY2U",
        "Basic YWxpY2U=",
        "Basic //8=",
        "Bearer",
        "Bearer a b",
        "Bearer é",
        "Digest username=alice",
        "alice:secret",
        "Basic " + "A" * 20_000,
        "Bearer " + "a" * 20_000,
    ],
)
def test_anything_else_is_malformed_and_not_repeated(header: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_authorization(header)
    assert "alice" not in str(caught.value)


def test_what_was_read_does_not_show_itself() -> None:
    assert "secret" not in repr(read_authorization(basic("alice:secret")))


@settings(derandomize=True, deadline=None)
@given(st.text(max_size=60))
def test_no_text_ends_in_anything_else(text: str) -> None:
    for header in (text, f"Basic {text}", f"Bearer {text}"):
        try:
            read_authorization(header)
        except Malformed:
            continue
