"""What the embedded registry takes on this machine's disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.registry.project import Shop
from tests.integration.registry.serving import free_port
from windlass import wiring
from windlass.registry.server.daemon import stop
from windlass.registry.server.upkeep.once import collect_root


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A project on the embedded registry, which its first command starts."""
    port = free_port()
    monkeypatch.setenv("WINDLASS_REGISTRY_PORT", str(port))
    found = Shop(tmp_path / "shop", f"localhost:{port}")
    found.begin()
    config = found.root / "windlass.yaml"
    config.write_text(config.read_text().replace(f"registry: {{host: {found.host}}}", "registry: embedded"))
    assert found.json("ls")["repositories"] == []
    yield found
    stop(wiring.registry_root())


def test_what_no_manifest_needs_is_told_and_gc_frees_it(shop: Shop) -> None:
    kept = shop.push("kept", "crank-platform", ["main-0000001"])
    shop.push("gone", "crank-platform", ["main-0000002"])
    before = shop.json("cost")
    assert before["disk"]["root"] == str(wiring.registry_root())
    assert (before["disk"]["content_bytes"], before["disk"]["unused_bytes"]) == (before["stored_bytes"], 0)
    freed = shop.json("rm", "platform:main-0000002", "--yes")["frees_bytes"]
    after = shop.json("cost")
    assert after["stored_bytes"] == before["stored_bytes"] - freed
    assert after["disk"]["unused_bytes"] == freed
    said = " ".join(shop.run("cost").stdout.split())
    assert "free after windlass registry gc" in said
    assert "the embedded registry itself costs nothing but disk" in said
    collect_root(wiring.registry_root(), grace=0)
    assert shop.json("cost")["disk"]["unused_bytes"] == 0
    assert shop.client.head_manifest("crank-platform", kept) is not None


def test_what_prune_would_free_is_what_it_says_itself(shop: Shop) -> None:
    config = shop.root / "windlass.yaml"
    config.write_text(config.read_text() + "retention: {keep: 1}\ncost: {tier: basic}\n")
    for number in range(4):
        shop.push(f"image {number}", "crank-platform", [f"main-000000{number}"])
    said = shop.json("cost")["prune"]
    assert said["manifests"] == 3 * 3
    assert said["frees_bytes"] > 0
    plan = shop.json("prune", "--dry-run")
    assert said["frees_bytes"] == sum(item["frees"] for item in plan["items"] if item.get("frees"))
