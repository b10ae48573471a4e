"""`windlass registry ls`, `tags` and `cost` on a registry with images in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.registry.project import Shop
from tests.integration.registry.serving import Server, free_port
from windlass.errors import ExitCode
from windlass.testing.registry import FakeRegistry, refuse

SHARED = b"x" * 50_000


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Three images of `platform`, two of `worker`, all with a layer in common, and somebody else's."""
    folder = tmp_path_factory.mktemp("looking")
    server = Server(folder / "root", free_port())
    server.start()
    found = Shop(folder / "shop", f"127.0.0.1:{server.port}")
    found.begin()
    old = found.push("old", "crank-platform", ["main-0000001"], shared=SHARED)
    new = found.push("new", "crank-platform", ["main-0000002", "latest"], shared=SHARED)
    found.push("next", "crank-platform", ["develop-0000003"], shared=SHARED)
    for number in range(2):
        found.push(f"worker {number}", "worker", [f"main-000000{number}"], shared=SHARED, platforms=["linux/arm64"])
    found.push("other", "someone/else", ["v1"])
    found.deploy("production", "crank-platform", "main-0000001", old)
    found.deploy("production", "crank-platform", "main-0000002", new)
    found.deploy("staging", "crank-platform", "main-0000001", old)
    yield found
    server.end()


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[tuple[FakeRegistry, Shop]]:
    """The same project on a registry that can be made to fail."""
    registry = FakeRegistry()
    with registry.served() as host:
        found = Shop(tmp_path / "shop", host)
        found.begin()
        yield registry, found


def test_repositories_are_listed_with_what_they_hold(shop: Shop) -> None:
    found = {one["name"]: one for one in shop.json("ls")["repositories"]}
    assert set(found) == {"crank-platform", "worker", "someone/else"}
    assert (found["crank-platform"]["service"], found["someone/else"]["service"]) == ("platform", None)
    assert (found["crank-platform"]["images"], found["crank-platform"]["tags"]) == (3, 4)
    # three images of two platforms with two layers of 2000 bytes each, and one layer in common
    assert 3 * 2 * 2 * 2000 + len(SHARED) < found["crank-platform"]["stored_bytes"] < 90_000


def test_tags_say_who_needs_their_image(shop: Shop) -> None:
    document = shop.json("tags", "platform")
    tags = {one["tag"]: one for one in document["tags"]}
    assert (document["repository"], document["total"], document["doubt"]) == ("crank-platform", 4, None)
    assert tags["main-0000002"]["digest"] == tags["latest"]["digest"]
    assert tags["latest"]["also"] == ["main-0000002"]
    assert tags["latest"]["platforms"] == ["linux/amd64", "linux/arm64"]
    needed = {name: [(use["environment"], use["need"]) for use in one["needed_by"]] for name, one in tags.items()}
    assert needed["latest"] == needed["main-0000002"] == [("production", "runs")]
    assert needed["main-0000001"] == [("staging", "runs"), ("production", "rollback")]
    assert needed["develop-0000003"] == []


def test_a_tag_holds_what_no_other_image_of_any_service_needs(shop: Shop) -> None:
    tags = {one["tag"]: one for one in shop.json("tags", "platform")["tags"]}
    assert tags["latest"]["own_bytes"] == tags["main-0000002"]["own_bytes"] == 0
    assert tags["develop-0000003"]["size_bytes"] - tags["develop-0000003"]["own_bytes"] >= len(SHARED)
    assert tags["develop-0000003"]["own_bytes"] > 2 * 2 * 2000


def test_the_newest_tags_come_first(shop: Shop) -> None:
    document = shop.json("tags", "crank-platform", "--limit", "2")
    assert len(document["tags"]) == 2
    assert document["total"] == 4
    assert document["tags"][0]["tag"] == "develop-0000003"
    times = [one["pushed"] for one in shop.json("tags", "platform")["tags"]]
    assert times == sorted(times, reverse=True)


def test_cost_counts_each_layer_once(shop: Shop) -> None:
    document = shop.json("cost")
    names = [one["name"] for one in document["repositories"]]
    assert set(names) == {"crank-platform", "worker", "someone/else"}
    assert document["saved_bytes"] == document["logical_bytes"] - document["stored_bytes"] >= 4 * len(SHARED)
    assert document["shared_bytes"] >= len(SHARED)
    owned = sum(one["own_bytes"] for one in document["repositories"])
    assert owned + document["shared_bytes"] == document["stored_bytes"]
    assert document["prices"]["cheapest"] == "basic"
    assert [tier["month"] for tier in document["prices"]["tiers"]] == [5.0, 20.0, 50.0]
    assert document["prune"]["unknown"] is None


def test_what_is_stored_is_what_lies_on_the_disk(shop: Shop) -> None:

    from windlass.registry.server.storage.blobs import stored_bytes

    assert shop.json("cost")["stored_bytes"] == stored_bytes(shop.root.parent / "root")


def test_a_service_costs_by_tag(shop: Shop) -> None:
    document = shop.json("cost", "worker")
    assert [one["name"] for one in document["repositories"]] == ["worker"]
    assert "worker stores" in shop.run("cost", "worker").stdout


@pytest.mark.parametrize(
    "words", [["ls"], ["tags", "platform"], ["cost"], ["cost", "platform"], ["rm", "worker:main-0000000", "--dry-run"]]
)
@pytest.mark.parametrize("columns", [80, 140])
@pytest.mark.parametrize("colour", [False, True])
def test_nothing_is_wider_than_the_terminal(shop: Shop, words: list[str], columns: int, colour: bool) -> None:
    import re

    done = shop.run(*words, columns=columns, **({"FORCE_COLOR": "1"} if colour else {"NO_COLOR": "1"}))
    assert done.returncode == 0, done.stderr
    assert ("\x1b[" in done.stdout) == colour
    lines = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout).splitlines()
    assert lines
    assert [line for line in lines if len(line) > columns] == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["tags", "wroker"], ExitCode.USAGE, "did you mean worker?"),
        (["cost", "plattform"], ExitCode.USAGE, "did you mean platform?"),
        (["tags", "zzzzzz"], ExitCode.USAGE, "platform, worker"),
        (["tags", "../etc"], ExitCode.USAGE, "does not name"),
        (["tags", "platform", "--limit", "0"], ExitCode.USAGE, "from 1 on"),
        (["tags", "platform", "--limit", "many"], ExitCode.USAGE, "from 1 on"),
    ],
)
def test_wrong_words_are_answered(shop: Shop, words: list[str], code: int, said: str) -> None:
    done = shop.run(*words)
    assert done.returncode == code
    assert said in " ".join(done.stderr.split())


def test_a_service_that_was_never_published_is_said(fake: tuple[FakeRegistry, Shop]) -> None:
    _, shop = fake
    assert "nothing of platform yet" in shop.json("tags", "platform", code=ExitCode.USAGE)["error"]["message"]
    assert "holds nothing yet" in shop.run("ls").stdout
    assert "holds nothing yet" in shop.run("cost").stdout
    assert shop.json("ls")["repositories"] == []


@pytest.mark.parametrize(
    ("status", "code"), [(404, "NAME_UNKNOWN"), (405, "UNSUPPORTED"), (403, "DENIED"), (401, "UNAUTHORIZED")]
)
def test_without_a_catalog_the_projects_own_are_listed(fake: tuple[FakeRegistry, Shop], status: int, code: str) -> None:
    registry, shop = fake
    shop.push("image", "crank-platform", ["a"])
    shop.push("other", "someone/else", ["a"])
    registry.fail(lambda: refuse(status, code), when="_catalog", times=10**6)
    document = shop.json("ls")
    assert [one["name"] for one in document["repositories"]] == ["crank-platform"]
    assert "list its repositories" in document["partial"]
    assert "project's own" in shop.run("ls").stdout
    assert [one["tag"] for one in shop.json("tags", "platform")["tags"]] == ["a"]
    assert [one["name"] for one in shop.json("cost")["repositories"]] == ["crank-platform"]


def test_a_registry_that_wants_a_login_is_told_from_one_that_is_empty(tmp_path: Path) -> None:
    registry = FakeRegistry(login="basic")
    with registry.served() as host:
        shop = Shop(tmp_path / "shop", host)
        shop.begin()
        error = shop.json("ls", code=ExitCode.UNUSABLE)["error"]
        assert "log in" in error["remedy"]


def test_a_registry_that_does_not_answer_is_exit_7(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", f"127.0.0.1:{free_port()}")
    shop.begin()
    for words in (["ls"], ["tags", "platform"], ["cost"], ["rm", "platform:a", "--yes"]):
        assert "does not answer" in shop.json(*words, code=ExitCode.UNUSABLE)["error"]["message"]


def test_a_service_whose_name_is_another_repository_is_ambiguous(fake: tuple[FakeRegistry, Shop]) -> None:
    _, shop = fake
    shop.push("image", "crank-platform", ["a"])
    shop.push("other", "platform", ["b"])
    error = shop.json("tags", "platform", code=ExitCode.USAGE)["error"]
    assert "also a repository" in error["message"]
    assert [one["tag"] for one in shop.json("tags", "crank-platform")["tags"]] == ["a"]


def test_a_prefix_is_left_out_and_its_outside_is_not_shown(tmp_path: Path) -> None:
    registry = FakeRegistry()
    with registry.served() as host:
        shop = Shop(tmp_path / "shop", host, prefix="team")
        shop.begin()
        shop.push("image", "crank-platform", ["a"])
        Shop(shop.root, host).push("other", "elsewhere", ["b"])
        assert [one["name"] for one in shop.json("ls")["repositories"]] == ["team/crank-platform"]
        assert len(shop.json("ls", "--all")["repositories"]) == 2
        for name in ("platform", "crank-platform", "team/crank-platform", f"{host}/team/crank-platform"):
            assert shop.json("tags", name)["repository"] == "team/crank-platform"
        assert len(shop.json("cost")["repositories"]) == 2, "what is paid for is all of it"


def test_looking_again_asks_for_no_platform_again(fake: tuple[FakeRegistry, Shop]) -> None:
    registry, shop = fake
    for number in range(5):
        shop.push(f"image {number}", "crank-platform", [f"main-000000{number}"])
    shop.json("tags", "platform")
    registry.requests.clear()
    shop.json("tags", "platform")
    assert [line for line in registry.lines() if "/manifests/sha256:" in line] == []
