"""What is said in ACR's JSON, and which changes of attributes are understood."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.registry.server.acr.documents import ManifestInfo, manifest_document, read_change, time_text
from windlass.registry.server.names import digest_of
from windlass.registry.server.problems import Problem
from windlass.registry.server.storage.attributes import Attributes


def test_times_have_seven_digits() -> None:
    assert time_text(1_622_222_114_948_358_799) == "2021-05-28T17:15:14.9483587Z"
    assert time_text(0) == "1970-01-01T00:00:00.0000000Z"


@settings(derandomize=True, deadline=None)
@given(st.integers(0, 4 * 10**18), st.integers(0, 4 * 10**18))
def test_texts_of_times_sort_like_times(one: int, other: int) -> None:
    assert (time_text(one) < time_text(other)) == (one // 100 < other // 100)


@pytest.mark.parametrize(
    ("body", "after"),
    [
        (b"{}", Attributes()),
        (b'{"deleteEnabled": false}', Attributes(delete=False)),
        (b'{"writeEnabled": false, "readEnabled": null}', Attributes(write=False)),
        (b'{"listEnabled": false, "readEnabled": false}', Attributes(list=False, read=False)),
    ],
)
def test_a_change_leaves_what_it_does_not_name(body: bytes, after: Attributes) -> None:
    assert read_change(body, Attributes()) == after
    assert read_change(b'{"deleteEnabled": true}', Attributes(delete=False, read=False)) == Attributes(read=False)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"1",
        b'"deleteEnabled"',
        b'{"deleteEnabled": "false"}',
        b'{"deleteEnabled": 0}',
        b'{"deleteEnabled": []}',
        b'{"deleteenabled": false}',
        b'{"quarantineState": "Passed"}',
        b'{"": true}',
        b"\xff\xfe",
        b"[" * 60_000,
    ],
)
def test_a_change_that_is_not_understood_is_refused(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_change(body, Attributes())
    assert caught.value.status == 400


def test_what_a_manifest_does_not_have_is_not_said() -> None:
    found = manifest_document(ManifestInfo(digest_of(b""), "type", 5, 1, 2, Attributes()))
    assert sorted(found) == [
        "changeableAttributes",
        "createdTime",
        "digest",
        "imageSize",
        "lastUpdateTime",
        "mediaType",
    ]
