"""The clients people have, unmodified, against the embedded registry: docker and buildx. Those that need no engine are in
`tests/integration/registry`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.registry.serving import Server, free_port

from windlass.process import Completed, run
from windlass.registry.server.storage.manifests import INDEX_TYPES

PLATFORMS = ["linux/amd64", "linux/arm64"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    found = Server(tmp_path / "root", free_port())
    found.start()
    yield found
    found.end()


@pytest.fixture
def image(server: Server) -> Iterator[str]:
    """`localhost:port/windlass-test-registry-…`, removed from the engine afterwards."""
    name = f"localhost:{server.port}/windlass-test-registry-{uuid.uuid4().hex[:8]}"
    yield name
    listed = run(["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", name]).stdout.split()
    for reference in listed:
        run(["docker", "image", "rm", "--force", reference])


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM busybox:1\nCOPY data /data\n")
    (folder / "data").write_bytes(uuid.uuid4().bytes * 200_000)
    return folder


def must(*argv: str) -> Completed:
    done = run(argv, timeout=300)
    assert done.ok, done.stdout + done.stderr
    return done


def repository(image: str) -> str:
    return image.partition("/")[2]


def test_docker_pushes_and_pulls_the_same_image(server: Server, image: str, context: Path) -> None:
    must("docker", "build", "--quiet", "--provenance=false", "-t", f"{image}:one", str(context))
    must("docker", "push", f"{image}:one")
    pushed = server.request("HEAD", f"/v2/{repository(image)}/manifests/one").headers["docker-content-digest"]
    must("docker", "image", "rm", "--force", f"{image}:one")
    server.restart()
    must("docker", "pull", f"{image}@{pushed}")
    must("docker", "pull", f"{image}:one")
    said = must("docker", "run", "--rm", "--name", repository(image), f"{image}:one", "wc", "-c", "/data").stdout
    assert said.split()[0] == str(16 * 200_000)
    again = must("docker", "push", f"{image}:one")
    assert "Pushed" not in again.stdout.replace("Pushed by", "")


def test_buildx_pushes_two_platforms_and_its_cache(server: Server, image: str, context: Path) -> None:
    cache = f"{image}-cache:layers"
    must(
        *("docker", "buildx", "build", "--quiet", "--push", "--platform", ",".join(PLATFORMS), "-t", f"{image}:multi"),
        *("--cache-to", f"type=registry,ref={cache},mode=max", str(context)),
    )
    index = server.request("GET", f"/v2/{repository(image)}/manifests/multi")
    assert index.headers["content-type"] in INDEX_TYPES
    platforms = {f"{each['platform']['os']}/{each['platform']['architecture']}" for each in index.json()["manifests"]}
    assert set(PLATFORMS) <= platforms
    assert server.request("GET", f"/v2/{repository(image)}-cache/manifests/layers").status == 200
    must("docker", "pull", "--platform", "linux/arm64", f"{image}:multi")
