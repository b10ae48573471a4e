"""The answers of `/acr/v1` and `/oauth2`, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.registry.server.acr.asking import Asking, document, next_of
from tests.unit.registry.server.stored import CONFIG, LAYER, image, opened, push_blob, push_image

from windlass.registry.server.names import Digest, digest_of
from windlass.registry.server.storage.manifests import OCI_INDEX, OCI_MANIFEST
from windlass.registry.server.storage.storage import Storage

IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
OTHER = image(annotations={"a": "b"})


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return opened(tmp_path)


@pytest.fixture
def asking(storage: Storage) -> Asking:
    return Asking(storage)


def push_platform(storage: Storage, name: str, tag: str, config: bytes, **changes: Any) -> tuple[Digest, bytes]:
    """An image whose configuration says what it runs on."""
    push_blob(storage, name, config)
    push_blob(storage, name, LAYER)
    described = {"mediaType": IMAGE_CONFIG, "digest": digest_of(config), "size": len(config)}
    data = image(config=described, **changes)
    return storage.put_manifest(name, tag, data, OCI_MANIFEST)[0], data


def push_index(
    storage: Storage, name: str, tag: str, children: dict[str, tuple[Digest, bytes]]
) -> tuple[Digest, bytes]:
    entries = [
        {
            "mediaType": OCI_MANIFEST,
            "digest": digest,
            "size": len(data),
            "platform": {"architecture": arch, "os": "linux"},
        }
        for arch, (digest, data) in children.items()
    ]
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    return storage.put_manifest(name, tag, index, OCI_INDEX)[0], index


def test_a_repository(storage: Storage, asking: Asking) -> None:
    push_image(storage, "a/b", "v1")
    storage.put_manifest("a/b", "v2", OTHER, OCI_MANIFEST)
    found = asking.get("/acr/v1/a/b")
    assert (found["registry"], found["imageName"]) == ("localhost:1", "a/b")
    assert (found["manifestCount"], found["tagCount"]) == (2, 2)
    assert found["createdTime"] <= found["lastUpdateTime"]
    assert found["changeableAttributes"] == {
        "deleteEnabled": True,
        "writeEnabled": True,
        "readEnabled": True,
        "listEnabled": True,
    }


def test_a_tag_that_moved_keeps_when_it_was_created(storage: Storage, asking: Asking) -> None:
    push_image(storage, "a", "v1")
    before = asking.get("/acr/v1/a/_tags/v1")["tag"]
    assert before["createdTime"] == before["lastUpdateTime"]
    storage.put_manifest("a", "v1", OTHER, OCI_MANIFEST)
    after = asking.get("/acr/v1/a/_tags/v1")["tag"]
    assert after["createdTime"] == before["createdTime"] < after["lastUpdateTime"]
    assert (after["name"], after["digest"], after["signed"]) == ("v1", digest_of(OTHER), False)


def test_an_image_and_an_index(storage: Storage, asking: Asking) -> None:
    config = b'{"architecture":"arm64","os":"linux"}'
    child = push_platform(storage, "a", "one", config)
    other = push_platform(storage, "a", "two", b'{"architecture":"amd64","os":"linux"}')
    index, data = push_index(storage, "a", "all", {"arm64": child, "amd64": other})
    found = asking.get(f"/acr/v1/a/_manifests/{child[0]}")["manifest"]
    assert (found["architecture"], found["os"], found["tags"]) == ("arm64", "linux", ["one"])
    assert (found["mediaType"], found["configMediaType"]) == (OCI_MANIFEST, IMAGE_CONFIG)
    assert found["imageSize"] == len(child[1]) + len(config) + len(LAYER)
    whole = asking.get(f"/acr/v1/a/_manifests/{index}")["manifest"]
    assert whole["references"] == [
        {"digest": child[0], "architecture": "arm64", "os": "linux"},
        {"digest": other[0], "architecture": "amd64", "os": "linux"},
    ]
    assert whole["imageSize"] == len(data) + len(child[1]) + len(other[1]) + 2 * len(config) + len(LAYER)
    assert "architecture" not in whole
    listed = asking.get("/acr/v1/a/_manifests?orderby=timedesc")["manifests"]
    assert [each["digest"] for each in listed] == [index, other[0], child[0]]
    assert all("references" not in each for each in listed)


@pytest.mark.parametrize("config", [b"", b"[]", b"{", b'{"architecture": 5, "os": []}', b"\xff", b"[" * 100_000])
def test_a_configuration_that_says_nothing_hinders_nothing(storage: Storage, asking: Asking, config: bytes) -> None:
    digest, _ = push_platform(storage, "a", "v1", config)
    found = asking.get(f"/acr/v1/a/_manifests/{digest}")["manifest"]
    assert "architecture" not in found and "os" not in found


def test_a_damaged_manifest_is_listed_all_the_same(storage: Storage, asking: Asking) -> None:
    digest = push_image(storage, "a", "v1")
    Path(storage.blobs.path(digest)).write_bytes(b"{")
    assert [each["tags"] for each in asking.get("/acr/v1/a/_manifests")["manifests"]] == [["v1"]]
    Path(storage.blobs.path(digest)).unlink()
    assert asking.get(f"/acr/v1/a/_manifests/{digest}")["manifest"]["imageSize"] == 0


@settings(derandomize=True, deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))
@given(
    st.permutations([f"t{number}" for number in range(7)]),
    st.integers(1, 9),
    st.sampled_from(["", "timeasc", "timedesc"]),
)
def test_following_the_links_gives_every_tag_once(
    tmp_path_factory: pytest.TempPathFactory, tags: list[str], size: int, order: str
) -> None:
    storage = opened(tmp_path_factory.mktemp("root"))
    asking = Asking(storage)
    push_image(storage, "a/b", tags[0])
    for tag in tags[1:]:
        storage.put_manifest("a/b", tag, image(), OCI_MANIFEST)
    found: list[str] = []
    target: str | None = f"/acr/v1/a/b/_tags?n={size}&orderby={order}"
    while target is not None:
        reply = asking.ask("GET", target)
        found += [tag["name"] for tag in document(reply)["tags"]]
        target = next_of(reply)
        target = target.replace("a%2Fb", "a/b") if target is not None else None  # as a server decodes it
    assert found == {"": sorted(tags), "timeasc": tags, "timedesc": tags[::-1]}[order]


def test_following_the_links_gives_every_repository_once(storage: Storage, asking: Asking) -> None:
    names = [f"a/{number}" for number in range(5)]
    for name in names:
        push_image(storage, name, "v1")
    for size in range(1, 7):
        found: list[str] = []
        target: str | None = f"/acr/v1/_catalog?n={size}"
        while target is not None:
            reply = asking.ask("GET", target)
            found += document(reply)["repositories"]
            target = next_of(reply)
        assert found == names


def test_a_change_is_answered_with_all_there_is_and_forgets_ready_answers(storage: Storage, asking: Asking) -> None:
    digest = push_image(storage, "a", "v1")
    for target, key in (("a", None), ("a/_tags/v1", "tag"), (f"a/_manifests/{digest}", "manifest")):
        found = document(asking.ask("PATCH", f"/acr/v1/{target}", b'{"deleteEnabled": false}'))
        found = found[key] if key else found
        assert found["changeableAttributes"]["deleteEnabled"] is False
        assert found["createdTime"]
    assert asking.forgotten == ["a", "a", "a"]
    assert asking.refusal("DELETE", "/acr/v1/a") == (405, "REGISTRY_DISALLOWED_OPERATION")
    assert asking.refusal("DELETE", "/acr/v1/a/_tags/v1") == (405, "REGISTRY_DISALLOWED_OPERATION")


def test_a_deleted_repository_says_what_it_held(storage: Storage, asking: Asking) -> None:
    digest = push_image(storage, "a", "v1")
    reply = asking.ask("DELETE", "/acr/v1/a")
    assert reply.status == 202
    assert document(reply) == {"manifestsDeleted": [digest], "tagsDeleted": ["v1"]}
    assert asking.refusal("DELETE", "/acr/v1/a") == (404, "NAME_UNKNOWN")


def test_a_deleted_tag_says_what_it_pointed_to(storage: Storage, asking: Asking) -> None:
    digest = push_image(storage, "a", "v1")
    reply = asking.ask("DELETE", "/acr/v1/a/_tags/v1")
    assert (reply.status, dict(reply.headers)["x-ms-int-docker-content-digest"]) == (202, digest)
    assert storage.manifest("a", digest)
    assert asking.refusal("DELETE", "/acr/v1/a/_tags/v1") == (404, "TAG_UNKNOWN")


@pytest.mark.parametrize(
    ("method", "target", "body", "refusal"),
    [
        ("GET", "nowhere", b"", (404, "NAME_UNKNOWN")),
        ("GET", "nowhere/_tags", b"", (404, "NAME_UNKNOWN")),
        ("GET", "nowhere/_tags/v1", b"", (404, "NAME_UNKNOWN")),
        ("PATCH", "nowhere/_tags/v1", b"{}", (404, "NAME_UNKNOWN")),
        ("DELETE", "nowhere/_tags/v1", b"", (404, "NAME_UNKNOWN")),
        ("GET", "nowhere/_manifests", b"", (404, "NAME_UNKNOWN")),
        ("GET", "blobs", b"", (404, "NAME_UNKNOWN")),
        ("GET", "a/_tags/v2", b"", (404, "TAG_UNKNOWN")),
        ("PATCH", "a/_tags/v2", b'{"writeEnabled": false}', (404, "TAG_UNKNOWN")),
        ("GET", f"a/_manifests/{digest_of(b'x')}", b"", (404, "MANIFEST_UNKNOWN")),
        ("PATCH", f"a/_manifests/{digest_of(b'x')}", b"{}", (404, "MANIFEST_UNKNOWN")),
        ("GET", "a/_tags?digest=latest", b"", (400, "DIGEST_INVALID")),
        ("GET", "a/_tags?orderby=name", b"", (400, "UNSUPPORTED")),
        ("GET", "a/_manifests?orderby=size", b"", (400, "UNSUPPORTED")),
        ("GET", "a/_manifests?orderby=timeasc&last=x", b"", (404, "MANIFEST_UNKNOWN")),
        ("GET", "a/_tags?n=0", b"", (400, "PAGINATION_NUMBER_INVALID")),
        ("GET", "_catalog?n=-1", b"", (400, "PAGINATION_NUMBER_INVALID")),
        ("PATCH", "a", b"no", (400, "UNSUPPORTED")),
        ("PATCH", "a/_tags/v1", b'{"writeEnabled": "no"}', (400, "UNSUPPORTED")),
        ("PATCH", "a", b" " * 70_000, (413, "SIZE_INVALID")),
        ("POST", "a", b"", (405, "UNSUPPORTED")),
        ("DELETE", "_catalog", b"", (405, "UNSUPPORTED")),
    ],
)
def test_what_is_refused(
    storage: Storage, asking: Asking, method: str, target: str, body: bytes, refusal: tuple[int, str]
) -> None:
    push_image(storage, "a", "v1")
    push_blob(storage, "blobs", CONFIG)
    assert asking.refusal(method, f"/acr/v1/{target}", body) == refusal
    assert not (storage.root / "repositories/a/_attributes").exists()
    assert storage.repository("a").tags() == ["v1"]


@pytest.mark.parametrize(
    ("path", "form", "key"),
    [
        ("exchange", b"grant_type=access_token&service=x&access_token=a.b.c", "refresh_token"),
        ("exchange", b"grant_type=access_token_refresh_token&access_token=a&refresh_token=b", "refresh_token"),
        ("exchange", b"grant_type=refresh_token&refresh_token=b&tenant=t", "refresh_token"),
        ("token", b"grant_type=refresh_token&refresh_token=b&scope=repository:a:pull", "access_token"),
        ("token", b"grant_type=access_token&access_token=a.b.c&scope=registry:catalog:*", "access_token"),
        ("token", b"grant_type=password&username=u&password=p&scope=x", "access_token"),
        ("token", b"grant_type=password", "access_token"),
    ],
)
def test_an_open_registry_gives_a_token_for_anything(asking: Asking, path: str, form: bytes, key: str) -> None:
    reply = asking.ask("POST", f"/oauth2/{path}", form)
    assert document(reply)[key].count(".") == 2
    assert dict(reply.headers)["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path", "form", "status"),
    [
        ("GET", "token", b"", 405),
        ("POST", "token", b"", 400),
        ("POST", "exchange", b"grant_type=password", 400),
        ("POST", "exchange", b"grant_type=access_token", 401),
        ("POST", "exchange", b"\xff\xff", 400),
        ("POST", "nothing", b"grant_type=password", 404),
    ],
)
def test_a_form_that_is_none_is_refused(asking: Asking, method: str, path: str, form: bytes, status: int) -> None:
    assert asking.refusal(method, f"/oauth2/{path}", form)[0] == status


def test_lists_show_every_change_at_once(storage: Storage, asking: Asking) -> None:
    def tags() -> list[str]:
        return [tag["name"] for tag in asking.get("/acr/v1/a/_tags?orderby=timeasc")["tags"]]

    def manifests() -> list[list[str]]:
        return [each.get("tags", []) for each in asking.get("/acr/v1/a/_manifests?orderby=timeasc")["manifests"]]

    digest = push_image(storage, "a", "v1")
    assert (tags(), manifests()) == (["v1"], [["v1"]])
    storage.put_manifest("a", "v2", OTHER, OCI_MANIFEST)
    assert (tags(), manifests()) == (["v1", "v2"], [["v1"], ["v2"]])
    storage.put_manifest("a", "v1", OTHER, OCI_MANIFEST)
    assert (tags(), manifests()) == (["v2", "v1"], [[], ["v1", "v2"]])
    asking.ask("PATCH", "/acr/v1/a/_tags/v2", b'{"listEnabled": false}')
    asking.ask("PATCH", f"/acr/v1/a/_manifests/{digest}", b'{"listEnabled": false}')
    assert (tags(), manifests()) == (["v1"], [["v1", "v2"]])
    storage.delete_tag("a", "v1")
    assert (tags(), manifests()) == ([], [["v2"]])
    storage.delete_manifest("a", digest_of(OTHER))
    assert (tags(), manifests()) == ([], [])
    storage.delete_repository("a")
    assert asking.refusal("GET", "/acr/v1/a/_tags") == (404, "NAME_UNKNOWN")
    push_image(storage, "a", "v1")
    assert (tags(), manifests()) == (["v1"], [["v1"]])
