"""docker buildx on the engine that is there."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.ports import free_port

from windlass import process
from windlass.build import layout
from windlass.build.buildx import BuildxBuilder
from windlass.build.buildx_setup import choose_builder
from windlass.build.interface import Builder, BuildRequest
from windlass.errors import BuildFailed, EngineUnavailable
from windlass.model.artifacts import LayoutImage
from windlass.model.events import Event, ServiceProgress, silent
from windlass.registry.server.daemon import ensure_running, stop
from windlass.testing.contracts.builder import PLATFORMS, BuilderContract


class TestBuildx(BuilderContract):
    @pytest.fixture
    def builder(self) -> Builder:
        builder = BuildxBuilder()
        builder.prepare(PLATFORMS, silent)
        return builder

    def test_base_layers_keep_their_digests(self, builder: Builder, request_for: Any) -> None:
        base = builder.build(request_for("FROM busybox:1\n", name="base"), silent)
        image = builder.build(request_for("FROM busybox:1\nCOPY a.txt /a.txt\nRUN echo more > /b.txt\n"), silent)
        for platform in PLATFORMS:
            below = layers(base, platform)
            assert below and layers(image, platform)[: len(below)] == below

    @pytest.mark.parametrize("step", ["COPY a.txt /a.txt", "COPY . /app", "COPY --chown=1:1 a.txt /a.txt"])
    def test_copies_are_reproduced_from_an_empty_cache(
        self, builder: Builder, request_for: Any, tmp_path: Path, step: str
    ) -> None:
        """Folders that BuildKit makes by itself (WORKDIR, missing parents) are dated when it makes them; these are not."""
        files = {"a.txt": "hi\n", "lib/b.txt": "there\n"}
        first = builder.build(request_for(f"FROM busybox:1\n{step}\n", files, fresh=True), silent)
        again = builder.build(
            request_for(f"FROM busybox:1\n{step}\n", files, fresh=True, layout=tmp_path / "elsewhere"), silent
        )
        assert again.digest == first.digest

    def test_a_base_pinned_by_digest_is_the_one_used(self, builder: Builder, request_for: Any) -> None:
        other = builder.build(request_for("FROM busybox:1\nCOPY a.txt /marker\n", name="other"), silent)
        pinned = {"busybox:1": f"oci-layout://{other.layout}@{other.digest}"}
        image = builder.build(request_for("FROM busybox:1\nRUN cat /marker\n", contexts=pinned), silent)
        below = layers(other, "linux/arm64")
        assert layers(image, "linux/arm64")[: len(below)] == below

    def test_the_line_of_the_dockerfile_is_named(self, builder: Builder, request_for: Any) -> None:
        with pytest.raises(BuildFailed) as caught:
            builder.build(request_for("FROM busybox:1\n\nCOPY nosuch.txt /\n"), silent)
        assert caught.value.where == "web (Dockerfile line 3)"
        assert "nosuch.txt" in caught.value.message
        assert ".dockerignore" in str(caught.value.remedy)

    def test_values_of_arguments_are_not_told(self, builder: Builder, request_for: Any) -> None:
        seen: list[Event] = []
        request = request_for(
            "FROM busybox:1\nARG PASSPHRASE\nRUN test -n $PASSPHRASE\n", args={"PASSPHRASE": "open-sesame"}, fresh=True
        )
        builder.build(request, seen.append)
        messages = [event.message for event in seen if isinstance(event, ServiceProgress)]
        assert any("$PASSPHRASE" in message for message in messages)
        assert not any("open-sesame" in message for message in messages)

    def test_an_argument_with_the_name_of_a_variable_of_the_client_is_harmless(
        self, builder: Builder, request_for: Any
    ) -> None:
        args = {"PATH": "/nowhere", "DOCKER_HOST": "tcp://127.0.0.1:1"}
        builder.build(
            request_for("FROM busybox:1\nARG DOCKER_HOST\nRUN test $DOCKER_HOST = tcp://127.0.0.1:1\n", args=args),
            silent,
        )

    def test_a_remote_cache_that_does_not_answer_costs_nothing_but_time(
        self, builder: Builder, request_for: Any
    ) -> None:
        request = request_for("FROM busybox:1\nRUN echo anything\n", cache="localhost:1/windlass/cache:web", fresh=True)
        assert layout.platforms_in(request.layout, builder.build(request, silent).digest) == PLATFORMS


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the server outlives who started it
class TestLayerCache:
    request_for = BuilderContract.request_for

    @pytest.fixture
    def registry(self, tmp_path: Path) -> Iterator[tuple[str, Path]]:
        """A registry on a free port, and the folder of its content."""
        host = f"localhost:{free_port()}"
        root = tmp_path / "registry"
        ensure_running(host, root, tmp_path / "registry.log")
        yield host, root
        stop(root)

    def test_new_layers_are_exported_and_known_ones_are_not_again(
        self, request_for: Any, registry: tuple[str, Path]
    ) -> None:
        host, root = registry
        # A step of its own, so that no earlier run's result is found in the engine's own cache.
        text = f"FROM busybox:1\nRUN echo {root} > /made.txt\n"
        request = request_for(text, cache=f"{host}/windlass/cache:web")
        first = built_and_cached(request)
        assert cached(host)
        before = content(root)
        assert before
        assert built_and_cached(request) == first
        assert content(root) == before

    def test_layers_the_engine_knows_are_exported_where_there_is_no_cache_yet(
        self, request_for: Any, registry: tuple[str, Path]
    ) -> None:
        text = "FROM busybox:1\nRUN echo known\n"
        BuildxBuilder().build(request_for(text), silent)
        assert not cached(registry[0])
        built_and_cached(request_for(text, cache=f"{registry[0]}/windlass/cache:web"))
        assert cached(registry[0])

    def test_nothing_is_exported_before_it_is_asked_for(self, request_for: Any, registry: tuple[str, Path]) -> None:
        builder = BuildxBuilder()
        builder.build(
            request_for("FROM busybox:1\nRUN echo later\n", cache=f"{registry[0]}/windlass/cache:web"), silent
        )
        assert not cached(registry[0])
        builder.write_caches()
        assert cached(registry[0])


def built_and_cached(request: BuildRequest) -> LayoutImage:
    builder = BuildxBuilder()
    image = builder.build(request, silent)
    builder.write_caches()
    return image


def cached(host: str) -> bool:
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("GET", "/v2/windlass/cache/manifests/web", headers={"Accept": layout.MANIFEST})
    found = connection.getresponse().status == 200
    connection.close()
    return found


def content(root: Path) -> dict[str, int]:
    """What clients pushed, and when; the registry writes its own index.json later, in its own time."""
    pushed = (path for part in ("blobs", "repositories") for path in (root / part).rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.stat().st_mtime_ns for path in pushed}


def test_no_daemon_is_said_with_what_to_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nosuch.sock")
    with pytest.raises(EngineUnavailable, match="does not answer") as caught:
        BuildxBuilder().prepare(PLATFORMS, silent)
    assert "start" in str(caught.value.remedy)


def test_a_builder_that_cannot_start_is_said_and_not_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "windlass-test-build-unreachable"
    monkeypatch.setattr("windlass.build.buildx_setup._exports", lambda: False)
    image = "127.0.0.1:1/nosuch/buildkit:none"
    monkeypatch.setattr(
        "windlass.build.buildx_setup.create_command",
        lambda name, config: [
            "docker",
            "buildx",
            "create",
            "--name",
            name,
            "--driver",
            "docker-container",
            "--driver-opt",
            f"image={image}",
        ],
    )
    with pytest.raises(EngineUnavailable) as caught:
        choose_builder(None, PLATFORMS, silent, own=name)
    assert "moby/buildkit" in str(caught.value.remedy)
    assert not process.run(["docker", "buildx", "inspect", name]).ok


def layers(image: LayoutImage, platform: str) -> list[str]:
    index = layout.read_json(image.layout, image.digest)
    entry = next(e for e in index["manifests"] if layout.platform_of(e["platform"]) == platform)
    manifest = json.loads(layout.blob_path(image.layout, entry["digest"]).read_bytes())
    return [layer["digest"] for layer in manifest["layers"]]
