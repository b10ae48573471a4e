"""`windlass registry rm`: what goes, what stays, and who is asked."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.oci.conftest import distribution, registry_host  # noqa: F401
from tests.integration.registry.project import Shop
from tests.integration.registry.serving import Server
from windlass.errors import ExitCode
from windlass.oci.integrity import damage
from windlass.testing.registry import FakeRegistry, refuse, reply


@pytest.fixture
def shop(server: Server, tmp_path: Path) -> Shop:
    found = Shop(tmp_path / "shop", f"127.0.0.1:{server.port}")
    found.begin()
    return found


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[tuple[FakeRegistry, Shop]]:
    registry = FakeRegistry()
    with registry.served() as host:
        found = Shop(tmp_path / "shop", host)
        found.begin()
        yield registry, found


def test_an_image_goes_with_its_platforms(shop: Shop) -> None:
    digest = shop.push("old", "crank-platform", ["main-0000001"])
    kept = shop.push("new", "crank-platform", ["main-0000002"])
    document = shop.json("rm", "platform:main-0000001", "--yes")
    assert (document["removes"], document["digest"]) == ("image", digest)
    assert sorted(one["role"] for one in document["manifests"]) == ["image", "platform", "platform"]
    assert document["frees_bytes"] > 4 * 2000
    assert list(shop.client.tags("crank-platform")) == ["main-0000002"]
    for one in document["manifests"]:
        assert shop.client.head_manifest("crank-platform", one["digest"]) is None
    assert damage(shop.client, "crank-platform", kept) is None


def test_what_it_said_it_frees_is_what_gc_frees(server: Server, shop: Shop) -> None:
    from windlass.registry.server.storage.blobs import stored_bytes
    from windlass.registry.server.upkeep.once import collect_root

    shop.push("old", "crank-platform", ["main-0000001"])
    shop.push("new", "worker", ["main-0000002"])
    before = stored_bytes(server.root)
    said = shop.json("rm", "platform:main-0000001", "--yes")["frees_bytes"]
    collect_root(server.root, grace=0)
    assert before - stored_bytes(server.root) == said


def test_one_of_two_tags_is_only_untagged(shop: Shop) -> None:
    digest = shop.push("image", "crank-platform", ["main-0000001", "latest"])
    shop.deploy("production", "crank-platform", "main-0000001", digest)
    document = shop.json("rm", "platform:latest", "--yes")
    assert (document["removes"], document["also"], document["frees_bytes"]) == ("tag", ["main-0000001"], 0)
    assert list(shop.client.tags("crank-platform")) == ["main-0000001"]
    assert damage(shop.client, "crank-platform", digest) is None


@pytest.mark.parametrize("digits", [12, 71])
def test_by_digest_all_tags_go(shop: Shop, digits: int) -> None:
    digest = shop.push("image", "crank-platform", ["main-0000001", "latest"])
    pointer = digest if digits == 71 else digest.removeprefix("sha256:")[:digits]
    assert sorted(shop.json("rm", f"platform@{pointer}", "--yes")["also"]) == ["latest", "main-0000001"]
    assert shop.client.head_manifest("crank-platform", digest) is None


def test_what_runs_or_may_come_back_is_refused(shop: Shop) -> None:
    old = shop.push("old", "crank-platform", ["main-0000001"])
    new = shop.push("new", "crank-platform", ["main-0000002"])
    shop.deploy("production", "crank-platform", "main-0000001", old)
    shop.deploy("production", "crank-platform", "main-0000002", new)
    for tag, said in (("main-0000002", "runs in production"), ("main-0000001", "production may roll back to it")):
        error = shop.json("rm", f"platform:{tag}", "--yes", code=ExitCode.REFUSED)["error"]
        assert said in error["message"]
    assert sorted(shop.client.tags("crank-platform")) == ["main-0000001", "main-0000002"]
    assert shop.json("rm", "platform:main-0000001", "--yes", "--force")["needed_by"][0]["need"] == "rollback"
    assert list(shop.client.tags("crank-platform")) == ["main-0000002"]


def test_a_platform_of_a_kept_image_is_refused_whatever_is_said(shop: Shop) -> None:
    digest = shop.push("image", "crank-platform", ["main-0000001"])
    child = shop.client.get_manifest("crank-platform", digest).content.manifests[0].digest  # type: ignore[union-attr]
    error = shop.json("rm", f"platform@{child}", "--yes", "--force", code=ExitCode.REFUSED)["error"]
    assert "part of main-0000001" in error["message"]
    assert damage(shop.client, "crank-platform", digest) is None


def test_a_dry_run_changes_nothing(shop: Shop) -> None:
    digest = shop.push("image", "crank-platform", ["main-0000001"])
    shop.deploy("production", "crank-platform", "main-0000001", digest)
    document = shop.json("rm", "platform:main-0000001", "--dry-run")
    assert document["dry_run"]
    assert document["needed_by"][0]["environment"] == "production"
    assert damage(shop.client, "crank-platform", digest) is None


@pytest.mark.parametrize(
    ("image", "code", "said"),
    [
        ("platform", ExitCode.USAGE, "names no tag"),
        ("platform:main-000001", ExitCode.USAGE, "did you mean main-0000001?"),
        ("platform:zzz", ExitCode.USAGE, "registry tags platform"),
        ("platfrom:main-0000001", ExitCode.USAGE, "did you mean platform?"),
        ("platform@000000000000", ExitCode.USAGE, "has no image"),
        ("platform@12", ExitCode.USAGE, "no digest"),
        ("platform@sha256:xyz", ExitCode.USAGE, "no digest"),
        ("platform:.x", ExitCode.USAGE, "is not a tag"),
        ("a b:c", ExitCode.USAGE, "does not name"),
        ("", ExitCode.USAGE, "does not name"),
    ],
)
def test_what_is_not_there_is_said(shop: Shop, image: str, code: int, said: str) -> None:
    shop.push("image", "crank-platform", ["main-0000001"])
    error = shop.json("rm", image, "--yes", code=code)["error"]
    assert said in f"{error['message']} {error['remedy']}"
    assert list(shop.client.tags("crank-platform")) == ["main-0000001"]


def test_without_a_terminal_nothing_goes_unasked(shop: Shop) -> None:
    shop.push("image", "crank-platform", ["main-0000001"])
    done = shop.run("rm", "platform:main-0000001")
    assert done.returncode == ExitCode.USAGE
    assert "--yes" in done.stderr
    assert list(shop.client.tags("crank-platform")) == ["main-0000001"]


@pytest.mark.parametrize(
    ("answer", "gone"), [("\n", False), ("n\n", False), ("what\n", False), ("y\n", True), ("YES\n", True)]
)
def test_on_a_terminal_no_is_the_answer_of_enter(shop: Shop, answer: str, gone: bool) -> None:
    shop.push("image", "crank-platform", ["main-0000001"])
    master, slave = pty.openpty()
    try:
        os.write(master, answer.encode())
        argv = [sys.executable, "-m", "windlass", "registry", "rm", "platform:main-0000001", "-C", str(shop.root)]
        done = subprocess.run(argv, stdin=slave, capture_output=True, text=True, check=False, timeout=180)
    finally:
        os.close(slave)
        os.close(master)
    assert done.returncode == (ExitCode.DONE if gone else ExitCode.REFUSED), done.stderr
    assert "remove it? [y/N]" in done.stdout
    assert list(shop.client.tags("crank-platform")) == ([] if gone else ["main-0000001"])


def test_the_older_registry_refuses_a_tag_alone_and_removes_images(registry_host: str, tmp_path: Path) -> None:  # noqa: F811
    """CNCF distribution 2.8 cannot delete tags; the embedded registry can."""
    shop = Shop(tmp_path / "shop", registry_host)
    shop.begin()
    digest = shop.push("image", "crank-platform", ["main-0000001", "latest"])
    done = shop.run("rm", "platform:latest", "--yes")
    if done.returncode == 0:
        assert list(shop.client.tags("crank-platform")) == ["main-0000001"]
    else:
        assert done.returncode == ExitCode.REFUSED
        assert "cannot take the tag latest away without its image" in " ".join(done.stderr.split())
        assert sorted(shop.client.tags("crank-platform")) == ["latest", "main-0000001"]
    assert damage(shop.client, "crank-platform", digest) is None
    shop.json("rm", f"platform@{digest}", "--yes")
    assert shop.client.head_manifest("crank-platform", digest) is None


def test_what_runs_without_a_tag_keeps_its_platforms(fake: tuple[FakeRegistry, Shop]) -> None:
    """Two images that share a platform; the one that runs has lost its tag, and this registry lists only tags."""
    from windlass.oci import digest as digests
    from windlass.oci.manifest import OCI_INDEX, canonical, to_document

    _, shop = fake
    both = shop.push("image", "crank-platform", ["main-0000001"])
    children = shop.client.get_manifest("crank-platform", both).content.manifests  # type: ignore[union-attr]
    body = canonical({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [to_document(children[0])]})
    running = shop.client.put_manifest("crank-platform", digests.of(body), body, OCI_INDEX)
    shop.deploy("production", "crank-platform", "main-0000000", running)
    document = shop.json("rm", "platform:main-0000001", "--yes")
    assert [one["digest"] for one in document["manifests"]] == [both, children[1].digest]
    assert damage(shop.client, "crank-platform", running) is None


def test_a_registry_that_deletes_nothing_is_told_so(fake: tuple[FakeRegistry, Shop]) -> None:
    registry, shop = fake
    shop.push("image", "crank-platform", ["main-0000001"])
    registry.fail(lambda: refuse(405, "UNSUPPORTED"), when="DELETE", times=10**6)
    error = shop.json("rm", "platform:main-0000001", "--yes", code=ExitCode.REFUSED)["error"]
    assert "does not allow anything to be deleted" in error["message"]


def test_an_account_that_may_not_delete_is_told_so(fake: tuple[FakeRegistry, Shop]) -> None:
    registry, shop = fake
    shop.push("image", "crank-platform", ["main-0000001"])
    registry.fail(lambda: refuse(403, "DENIED"), when="DELETE", times=10**6)
    assert "DENIED" in shop.json("rm", "platform:main-0000001", "--yes", code=ExitCode.UNUSABLE)["error"]["message"]


def test_what_could_not_be_deleted_is_told(fake: tuple[FakeRegistry, Shop]) -> None:
    registry, shop = fake
    digest = shop.push("image", "crank-platform", ["main-0000001"])
    child = shop.client.get_manifest("crank-platform", digest).content.manifests[0].digest  # type: ignore[union-attr]
    registry.fail(lambda: refuse(403, "DENIED"), when=f"DELETE /v2/crank-platform/manifests/{child}", times=10**6)
    document = shop.json("rm", "platform:main-0000001", "--yes", code=ExitCode.UNUSABLE)
    assert [one["digest"] for one in document["manifests"] if one["left"]] == [child]


def test_an_image_that_goes_with_its_tag_is_put_back(fake: tuple[FakeRegistry, Shop]) -> None:
    """Some registries delete the image when they are asked to delete a tag."""
    registry, shop = fake
    digest = shop.push("image", "crank-platform", ["main-0000001", "latest"])

    def take_all() -> object:
        repository = registry.repositories["crank-platform"]
        del repository.manifests[digest]
        repository.tags.clear()
        return reply(202)

    registry.fail(take_all, when="DELETE /v2/crank-platform/manifests/latest")  # type: ignore[arg-type]
    error = shop.json("rm", "platform:latest", "--yes", code=ExitCode.UNUSABLE)["error"]
    assert "put back" in error["message"]
    assert damage(shop.client, "crank-platform", digest) is None
    assert list(shop.client.tags("crank-platform")) == ["main-0000001"]
