"""Manifests and indexes are read whole or refused in words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.errors import UsageError
from windlass.oci import digest as digests
from windlass.oci.faults import Malformed
from windlass.oci.manifest import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    LARGEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Index,
    Manifest,
    Platform,
    parse,
    parse_platform,
    to_document,
)

DIGEST = "sha256:" + "a" * 64
CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": DIGEST, "size": 2}


def _bytes(document: Any) -> bytes:
    return json.dumps(document).encode()


def _index(*platforms: str) -> Index:
    children = []
    for number, text in enumerate(platforms):
        os, architecture, *variant = text.split("/")
        platform = {"os": os, "architecture": architecture, "variant": "".join(variant)}
        children.append({"mediaType": OCI_MANIFEST, "digest": f"sha256:{number:064x}", "size": 1, "platform": platform})
    content = parse(_bytes({"manifests": children}), OCI_INDEX, "test")
    assert isinstance(content, Index)
    return content


@pytest.mark.parametrize("kind", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_both_kinds_of_manifest_are_read(kind: str) -> None:
    content = parse(_bytes({"config": CONFIG, "layers": [CONFIG]}), kind, "test")
    assert isinstance(content, Manifest)
    assert content.media_type == kind
    assert [blob.digest for blob in content.blobs] == [DIGEST]


@pytest.mark.parametrize("kind", [OCI_INDEX, DOCKER_LIST])
def test_both_kinds_of_index_are_read(kind: str) -> None:
    content = parse(_bytes({"mediaType": kind, "manifests": [CONFIG]}), None, "test")
    assert isinstance(content, Index)
    assert content.media_type == kind


def test_a_server_that_calls_everything_json_is_understood() -> None:
    assert isinstance(parse(_bytes({"config": CONFIG}), "application/json; charset=utf-8", "test"), Manifest)
    assert isinstance(parse(_bytes({"manifests": []}), "application/json", "test"), Index)


def test_layers_that_live_elsewhere_are_not_the_registrys() -> None:
    layer = {**CONFIG, "digest": "sha256:" + "b" * 64, "urls": ["https://elsewhere.example/layer"]}
    content = parse(_bytes({"config": CONFIG, "layers": [layer]}), OCI_MANIFEST, "test")
    assert isinstance(content, Manifest)
    assert [blob.digest for blob in content.blobs] == [DIGEST]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>502 Bad Gateway</body></html>",
        b"[]",
        b'"text"',
        b"null",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        b" " * (LARGEST + 1),
        _bytes({"schemaVersion": 1, "fsLayers": []}),
        _bytes({"config": CONFIG, "manifests": []}),
        _bytes({"layers": [], "mediaType": OCI_MANIFEST}),
        _bytes({"config": None}),
        _bytes({"config": CONFIG, "layers": {}}),
        _bytes({"config": CONFIG, "layers": [1]}),
        _bytes({"config": {**CONFIG, "digest": "sha256:../../etc/passwd"}}),
        _bytes({"config": {**CONFIG, "digest": None}}),
        _bytes({"config": {**CONFIG, "size": -1}}),
        _bytes({"config": {**CONFIG, "size": True}}),
        _bytes({"config": {**CONFIG, "size": "1"}}),
        _bytes({"manifests": "all"}),
    ],
)
def test_a_broken_manifest_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        parse(body, None, "registry.test/app")
    assert caught.value.where == "registry.test/app"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(DIGEST),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["config", "layers", "manifests", "digest", "size", "platform", "annotations", "subject", "urls"]
            ),
            below,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(_JSON, st.sampled_from([None, OCI_INDEX, OCI_MANIFEST, "text/html"]))
@settings(derandomize=True, max_examples=300)
def test_any_json_is_a_manifest_or_malformed(document: Any, media_type: str | None) -> None:
    try:
        parse(_bytes(document), media_type, "test")
    except Malformed:
        pass


def test_arm64_is_arm64_v8() -> None:
    index = _index("linux/amd64", "linux/arm64/v8")
    child = index.find(parse_platform("linux/arm64"))
    assert child is not None
    assert child.digest.endswith("1")
    assert _index("linux/arm64").find(parse_platform("linux/arm64/v8")) is not None


def test_an_exact_variant_goes_before_one_that_fits() -> None:
    child = _index("linux/arm/v6", "linux/arm/v7").find(parse_platform("linux/arm/v7"))
    assert child is not None
    assert child.platform == Platform("linux", "arm", "v7")


def test_a_missing_platform_is_none() -> None:
    assert _index("linux/amd64").find(parse_platform("linux/arm64")) is None
    assert _index("linux/arm/v6").find(parse_platform("linux/arm/v7")) is None


@pytest.mark.parametrize("text", ["", "linux", "linux/", "/amd64", "a/b/c/d"])
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_platform(text)


def test_a_descriptor_is_written_as_it_is_read() -> None:
    descriptor = Descriptor(
        OCI_MANIFEST, DIGEST, 5, Platform("linux", "arm", "v7"), {"a": "b"}, "application/x", ("https://x.example/",)
    )
    content = parse(_bytes({"manifests": [to_document(descriptor)]}), OCI_INDEX, "test")
    assert isinstance(content, Index)
    assert content.manifests == (descriptor,)


def test_content_with_another_digest_is_told_after_the_last_chunk() -> None:
    good = digests.of(b"abc")
    assert b"".join(digests.verified([b"a", b"bc"], good, "here")) == b"abc"
    assert b"".join(digests.verified([b"abc"], digests.of(b"abc", "sha512"), "here")) == b"abc"
    with pytest.raises(Malformed, match="another digest"):
        list(digests.verified([b"a", b"bd"], good, "here"))


@pytest.mark.parametrize("text", ["", "sha256:", DIGEST.upper(), DIGEST + "\n", "sha256:" + "a" * 63, None, 5])
def test_nothing_else_passes_for_a_digest(text: object) -> None:
    with pytest.raises(Malformed):
        digests.require(text, "here")
