"""`windlass registry copy` between real registries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.registry.project import Shop
from tests.integration.registry.serving import Server, free_port
from windlass.errors import ExitCode
from windlass.oci.integrity import damage


@pytest.fixture
def shop(server: Server, tmp_path: Path) -> Shop:
    found = Shop(tmp_path / "shop", f"127.0.0.1:{server.port}")
    found.begin()
    return found


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "elsewhere").mkdir()
    found = Server(tmp_path / "elsewhere" / "root", free_port())
    found.start()
    yield found
    found.end()


def test_latest_goes_back_in_one_write(shop: Shop) -> None:
    old = shop.push("old", "crank-platform", ["main-abc1234"])
    shop.push("new", "crank-platform", ["main-def5678", "latest"])
    done = shop.json("copy", "platform:main-abc1234", "platform:latest")
    assert (done["digest"], done["tags"], done["uploaded_bytes"]) == (old, ["latest"], 0)
    assert done["platforms"] == ["linux/amd64", "linux/arm64"]
    found = shop.client.head_manifest("crank-platform", "latest")
    assert found is not None
    assert found.digest == old
    assert damage(shop.client, "crank-platform", old) is None


def test_an_image_goes_to_another_registry_with_all_platforms(shop: Shop, elsewhere: Server) -> None:
    digest = shop.push("image", "crank-platform", ["main-abc1234"])
    there = f"127.0.0.1:{elsewhere.port}"
    done = shop.run("copy", "platform:main-abc1234", f"{there}/team/app")
    assert done.returncode == 0, done.stderr
    assert f"copied {shop.host}/crank-platform:main-abc1234 to {there}/team/app:main-abc1234" in " ".join(
        done.stdout.split()
    )
    client = Shop(shop.root, there).client
    assert list(client.tags("team/app")) == ["main-abc1234"]
    assert damage(client, "team/app", digest) is None
    again = shop.json("copy", f"{shop.host}/crank-platform@{digest}", f"{there}/team/app:stable")
    assert again["uploaded_bytes"] == 0
    assert sorted(client.tags("team/app")) == ["main-abc1234", "stable"]


def test_between_hosts_no_project_is_needed(shop: Shop, elsewhere: Server, tmp_path: Path) -> None:
    shop.push("image", "app", ["a"])
    nowhere = Shop(tmp_path / "nowhere", shop.host)
    nowhere.root.mkdir()
    done = nowhere.json("copy", f"{shop.host}/app:a", f"127.0.0.1:{elsewhere.port}/app:b")
    assert done["tags"] == ["b"]
    refused = nowhere.json("copy", "app:a", "app:b", code=ExitCode.UNUSABLE)
    assert "git" in refused["error"]["message"]


@pytest.mark.parametrize(
    ("source", "target", "code", "said"),
    [
        ("platform", "platform:x", ExitCode.USAGE, "names no tag"),
        ("platfrom:a", "platform:x", ExitCode.USAGE, "did you mean platform"),
        ("platform:missing", "platform:x", ExitCode.USAGE, "there is no"),
        ("platform@sha256:" + "0" * 64, "platform:x", ExitCode.USAGE, "there is no"),
        ("127.0.0.1:1/nowhere:1", "platform:x", ExitCode.UNUSABLE, "does not answer"),
        ("platform:a", "platform:not/a", ExitCode.USAGE, "is not|does not name"),
        ("platform:a", "platform:.bad", ExitCode.USAGE, "is not a tag"),
        ("platform@0123456789ab", "platform:x", ExitCode.USAGE, "whole digest"),
        ("platform@sha256:zz", "platform:x", ExitCode.USAGE, "no digest"),
        ("PLATFORM:a", "platform:x", ExitCode.USAGE, "does not name an image"),
        ("platform:a", "127.0.0.1:1/x:y", ExitCode.UNUSABLE, "does not answer"),
        ("127.0.0.1:x/y:z", "platform:x", ExitCode.USAGE, "is not"),
        ("platform:a", f"platform@sha256:{'0' * 64}", ExitCode.USAGE, "has the same digest"),
    ],
)
def test_what_cannot_be_copied_is_said(shop: Shop, source: str, target: str, code: int, said: str) -> None:
    shop.push("image", "crank-platform", ["a"])
    error = shop.json("copy", source, target, code=code)["error"]
    assert any(part in error["message"] + str(error["remedy"]) for part in said.split("|")), error
    assert "Traceback" not in str(error)


def test_a_copy_repairs_what_has_lost_a_layer(shop: Shop, elsewhere: Server) -> None:
    shop.push("image", "crank-platform", ["main-abc1234"])
    there = f"127.0.0.1:{elsewhere.port}/team/app:1"
    assert shop.run("copy", "platform:main-abc1234", there).returncode == 0
    largest = max(elsewhere.root.glob("blobs/sha256/*"), key=lambda blob: blob.stat().st_size)
    largest.unlink()
    assert shop.json("copy", "platform:main-abc1234", there)["uploaded_bytes"] > 0
    assert largest.is_file()
