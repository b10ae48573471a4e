"""buildah, which needs no engine; the engine is only asked for the mirrors that base images come from here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from windlass import process
from windlass.build import layout
from windlass.build.buildah import BuildahBuilder
from windlass.build.interface import Builder
from windlass.model.artifacts import LayoutImage
from windlass.model.events import silent
from windlass.testing.contracts.builder import PLATFORMS, BuilderContract

pytestmark = pytest.mark.needs("buildah")


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    folder = tmp_path_factory.mktemp("windlass-test-build-buildah")
    options = ("--root", str(folder / "root"), "--runroot", str(folder / "run"))
    yield options
    process.run(["buildah", *options, "rmi", "--all", "--force"])
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def _mirrors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker Hub through the engine's own mirrors, where it has some."""
    found = process.run(["docker", "info", "--format", "{{json .RegistryConfig.Mirrors}}"]).stdout.strip()
    lines = [
        'unqualified-search-registries = ["docker.io"]',
        "[[registry]]",
        'prefix = "docker.io"',
        'location = "docker.io"',
    ]
    for mirror in json.loads(found or "null") or ():
        scheme, _, host = mirror.rstrip("/").partition("://")
        lines += [
            "[[registry.mirror]]",
            f'location = "{host}"',
            f"insecure = {'true' if scheme == 'http' else 'false'}",
        ]
    conf = tmp_path / "registries.conf"
    conf.write_text("\n".join(lines) + "\n")
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(conf))


class TestBuildah(BuilderContract):
    @pytest.fixture
    def builder(self, storage: tuple[str, ...]) -> Builder:
        builder = BuildahBuilder(storage)
        builder.prepare(PLATFORMS, silent)
        return builder

    def test_the_content_of_base_layers_is_kept(self, builder: Builder, request_for: Any) -> None:
        base = builder.build(request_for("FROM busybox:1\n", name="base"), silent)
        image = builder.build(request_for("FROM busybox:1\nCOPY a.txt /a.txt\n"), silent)
        for platform in PLATFORMS:
            below = diff_ids(base, platform)
            assert below and diff_ids(image, platform)[: len(below)] == below

    def test_a_step_that_writes_files_is_reproduced_from_an_empty_cache(
        self, builder: Builder, request_for: Any, tmp_path: Path
    ) -> None:
        text = "FROM busybox:1\nWORKDIR /srv/app\nCOPY a.txt ./deep/er/\nRUN echo made > /srv/made.txt\n"
        first = builder.build(request_for(text, fresh=True), silent)
        again = builder.build(request_for(text, fresh=True, layout=tmp_path / "elsewhere"), silent)
        assert again.digest == first.digest


def diff_ids(image: LayoutImage, platform: str) -> list[str]:
    index = layout.read_json(image.layout, image.digest)
    entry = next(e for e in index["manifests"] if layout.platform_of(e["platform"]) == platform)
    config = layout.read_json(image.layout, entry["digest"])["config"]["digest"]
    return list(layout.read_json(image.layout, config)["rootfs"]["diff_ids"])
