"""The small syntax for places in a JSON document."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.verify import jsonpath

DOCUMENT = {"workers": [{"name": "a"}, {"name": "b", "x.y": {"z": [1, 2]}}], "count": 2, "on": True, "none": None}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("workers[0].name", "a"),
        ("$.workers[1].name", "b"),
        ("workers[-1].name", "b"),
        ('workers[1]["x.y"].z[1]', 2),
        ("count", 2),
        ("none", None),
        ("$", DOCUMENT),
    ],
)
def test_a_path_finds_its_value(path: str, value: object) -> None:
    assert jsonpath.find(DOCUMENT, jsonpath.parse(path)) == value


@pytest.mark.parametrize("path", ["", ".a", "a.", "a..b", "a[", "a[x]", "a]b", "a b", "$a", "a[0]b", '["a]', "a[1.5]"])
def test_what_is_no_path_is_refused_with_an_example(path: str) -> None:
    with pytest.raises(ValueError, match=r"such as workers\[0\]\.name"):
        jsonpath.parse(path)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("workers[2].name", r"\$\.workers has 2 entries"),
        ("workers[-3]", r"\$\.workers has 2 entries"),
        ("worker", r"\$ has no 'worker'"),
        ("count.name", r"\$\.count is a number, not an object"),
        ("on[0]", r"\$\.on is a boolean, not a list"),
        ("none.x", r"\$\.none is null, not an object"),
    ],
)
def test_a_missing_value_is_told_by_how_far_the_document_goes(path: str, reason: str) -> None:
    with pytest.raises(jsonpath.Missing, match=reason):
        jsonpath.find(DOCUMENT, jsonpath.parse(path))


@given(st.lists(st.one_of(st.integers(-9, 9), st.text(min_size=1, max_size=8)), max_size=6))
@settings(derandomize=True)
def test_any_key_can_be_written_in_quotes(steps: list[str | int]) -> None:
    written = "$" + "".join(f"[{json.dumps(step)}]" for step in steps)
    assert jsonpath.parse(written) == tuple(steps)


@given(st.text(max_size=30))
@settings(derandomize=True)
def test_no_text_makes_the_parser_fail_otherwise(text: str) -> None:
    try:
        jsonpath.parse(text)
    except ValueError:
        pass


def test_equality_is_that_of_json() -> None:
    assert jsonpath.same(1, 1.0)
    assert not jsonpath.same(1, True)
    assert not jsonpath.same(0, False)
    assert jsonpath.same({"a": [1, None]}, {"a": [1.0, None]})
    assert not jsonpath.same({"a": 1}, {"a": 1, "b": 2})
