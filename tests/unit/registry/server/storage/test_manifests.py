"""Reading manifests: what they need, what they are attached to, and every way they can be wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.registry.server.names import digest_of
from windlass.registry.server.problems import Problem
from windlass.registry.server.storage.manifests import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    parse_manifest,
)

CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(b"{}"), "size": 2}
LAYER = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest_of(b"layer"), "size": 5}


def image(**changes: Any) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": CONFIG, "layers": [LAYER], **changes}


def read(document: object, content_type: str | None = None) -> Any:
    return parse_manifest(json.dumps(document).encode(), content_type)


def test_an_image_needs_its_config_and_layers() -> None:
    assert [need.digest for need in read(image()).blobs] == [CONFIG["digest"], LAYER["digest"]]


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_an_index_needs_its_entries(media_type: str) -> None:
    found = read({"schemaVersion": 2, "mediaType": media_type, "manifests": [LAYER]})
    assert [need.digest for need in found.children] == [LAYER["digest"]]


@pytest.mark.parametrize(
    "layer",
    [
        {**LAYER, "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"},
        {**LAYER, "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"},
        {**LAYER, "urls": ["https://example.com/layer"]},
    ],
)
def test_layers_that_live_elsewhere_are_not_needed(layer: dict[str, Any]) -> None:
    assert len(read(image(layers=[layer])).blobs) == 1


def test_without_a_media_type_the_content_type_decides() -> None:
    document = image()
    del document["mediaType"]
    assert read(document, f"{DOCKER_MANIFEST}; charset=utf-8").media_type == DOCKER_MANIFEST
    assert read(document).media_type == OCI_MANIFEST


def test_a_referrer_carries_artifact_type_and_annotations() -> None:
    found = read(image(subject=LAYER, artifactType="application/x", annotations={"a": "b"}))
    assert found.subject == LAYER["digest"]
    assert found.referrer(digest_of(b"m"), 7) == {
        "mediaType": OCI_MANIFEST,
        "digest": digest_of(b"m"),
        "size": 7,
        "artifactType": "application/x",
        "annotations": {"a": "b"},
    }


def test_the_artifact_type_of_an_image_is_its_configs_and_an_index_has_none() -> None:
    assert read(image(subject=LAYER)).artifact_type == CONFIG["mediaType"]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "subject": LAYER}
    assert "artifactType" not in read(index).referrer(digest_of(b"m"), 7)


@pytest.mark.parametrize(
    "document",
    [
        [],
        "text",
        {},
        image(schemaVersion=1),
        image(config=None),
        image(config={**CONFIG, "digest": "sha256:../../etc/passwd"}),
        image(config={**CONFIG, "digest": "md5:" + "0" * 32}),
        image(config={**CONFIG, "size": -1}),
        image(config={**CONFIG, "size": True}),
        image(config={**CONFIG, "size": "2"}),
        image(layers={}),
        image(layers=["text"]),
        image(manifests=[]),
        image(subject="text"),
        image(subject={}),
        image(annotations=[]),
        image(annotations={"a": 1}),
        image(mediaType=7),
        image(mediaType="application/vnd.docker.distribution.manifest.v1+prettyjws"),
        {"schemaVersion": 2, "mediaType": OCI_INDEX},
        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "layers": []},
    ],
)
def test_a_malformed_manifest_is_refused_with_a_reason(document: object) -> None:
    with pytest.raises(Problem) as caught:
        read(document)
    assert caught.value.code == "MANIFEST_INVALID"
    assert caught.value.message


def test_a_content_type_that_contradicts_the_manifest_is_refused() -> None:
    with pytest.raises(Problem, match="MANIFEST_INVALID"):
        read(image(), OCI_INDEX)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[" * 1_000_000, b'{"a":', b"\0" * 10])
def test_bytes_that_are_not_json_are_refused(data: bytes) -> None:
    with pytest.raises(Problem, match="MANIFEST_INVALID"):
        parse_manifest(data, OCI_MANIFEST)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(derandomize=True, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["mediaType", "config", "layers", "manifests", "subject", "annotations", "artifactType"]), _json
    )
)
def test_a_wrong_manifest_is_refused_and_never_a_crash(changes: dict[str, Any]) -> None:
    try:
        read(image(**changes))
    except Problem as problem:
        assert problem.code == "MANIFEST_INVALID"
        json.loads(problem.body())
