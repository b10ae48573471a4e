"""Names, tags, digests and ranges: what the specification allows, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.registry.server.names import (
    NAME_LIMIT,
    Unsatisfiable,
    as_digest,
    digest_of,
    is_name,
    is_tag,
    parse_byte_range,
    parse_content_range,
)

steady = settings(derandomize=True, deadline=None)


@pytest.mark.parametrize(
    "name", ["a", "a/b", "a.b_c__d-e--f/0", "library/busybox", "a" * NAME_LIMIT, "manifests/blobs"]
)
def test_valid_names_are_accepted(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "A",
        "a//b",
        "/a",
        "a/",
        "..",
        "a/../b",
        "a/./b",
        "_a",
        "a_",
        "a___b",
        ".a",
        "a..b",
        "-a",
        "a b",
        "ä",
        "a\n",
        "a\x00",
        "a" * (NAME_LIMIT + 1),
        "a\\b",
        "a%2fb",
        "_blobs",
        "a/_tags",
    ],
)
def test_anything_else_is_no_name(name: str) -> None:
    assert not is_name(name)


@steady
@given(st.text(max_size=60))
def test_a_name_can_never_leave_its_folder(text: str) -> None:
    if is_name(text):
        assert not text.startswith("/")
        assert all(part and not part.startswith((".", "_")) for part in text.split("/"))


@steady
@given(st.text(max_size=140))
def test_a_tag_is_a_plain_file_name(text: str) -> None:
    if is_tag(text):
        assert "/" not in text and "\0" not in text and text not in (".", "..") and 0 < len(text) <= 128


@pytest.mark.parametrize("tag", ["", "-a", ".a", "a" * 129, "a/b", "a:b", "a b", "latest\n"])
def test_malformed_tags_are_refused(tag: str) -> None:
    assert not is_tag(tag)


@steady
@given(st.binary(max_size=64), st.sampled_from(["sha256", "sha512"]))
def test_a_computed_digest_is_a_digest(data: bytes, algorithm: str) -> None:
    digest = digest_of(data, algorithm)
    assert as_digest(digest) == digest
    assert as_digest(digest.upper()) is None
    assert as_digest(digest[:-1]) is None
    assert as_digest(digest + "\n") is None


@pytest.mark.parametrize(
    "text", ["", ":", "sha256:", "md5:" + "0" * 32, "sha256:" + "g" * 64, "sha256:../../../etc/passwd"]
)
def test_malformed_digests_are_refused(text: str) -> None:
    assert as_digest(text) is None


@steady
@given(st.integers(0, 10**17), st.integers(0, 10**17))
def test_a_chunk_range_is_read_as_it_is_written(start: int, end: int) -> None:
    assert parse_content_range(f"{start}-{end}") == ((start, end) if start <= end else None)


@pytest.mark.parametrize(
    "text", ["", "-", "1-", "-1", "a-b", "1-2-3", "0x1-2", "1 - 2", "٠-١", "9" * 30 + "-" + "9" * 31]
)
def test_malformed_chunk_ranges_are_refused(text: str) -> None:
    assert parse_content_range(text) is None


@steady
@given(st.integers(0, 50), st.integers(0, 60), st.one_of(st.none(), st.integers(0, 60)))
def test_a_byte_range_names_the_bytes_that_slicing_gives(size: int, first: int, last: int | None) -> None:
    data = bytes(range(size))
    wanted = data[first:] if last is None else data[first : last + 1]
    try:
        part = parse_byte_range(f"bytes={first}-{'' if last is None else last}", size)
    except Unsatisfiable:
        assert wanted == b""
    else:
        assert part is not None
        assert data[part[0] : part[1]] == wanted


@steady
@given(st.integers(0, 50), st.integers(0, 60))
def test_a_suffix_range_names_the_last_bytes(size: int, count: int) -> None:
    data = bytes(range(size))
    try:
        part = parse_byte_range(f"bytes=-{count}", size)
    except Unsatisfiable:
        assert count == 0 or size == 0
    else:
        assert part is not None
        assert data[part[0] : part[1]] == data[-count:]


@pytest.mark.parametrize(
    "text", ["", "bytes", "bytes=", "bytes=-", "items=0-1", "bytes=0-1,3-4", "bytes=a-b", "bytes=0--1"]
)
def test_ranges_that_are_not_understood_are_ignored(text: str) -> None:
    assert parse_byte_range(text, 100) is None
