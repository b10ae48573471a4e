"""Clients that need no engine, unmodified, against the embedded registry: skopeo, podman, buildah, oras and crane."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.integration.registry.serving import Server
from windlass.model.artifacts import LayoutImage
from windlass.process import Completed, run
from windlass.registry.server.storage.manifests import DOCKER_MANIFEST
from windlass.testing.images import make_image

PLATFORMS = {"linux/amd64", "linux/arm64"}
COPY = ("skopeo", "copy", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false")


def must(*argv: str, cwd: Path | None = None) -> Completed:
    done = run(argv, cwd=cwd, timeout=300)
    assert done.ok, done.stdout + done.stderr
    return done


def told(*argv: str) -> Any:
    return json.loads(must(*argv).stdout)


@pytest.fixture
def image(tmp_path: Path) -> LayoutImage:
    return make_image(tmp_path / "image", real=True, size=300_000, config={"Cmd": ["/layer-0"]})


@pytest.fixture
def pushed(server: Server, image: LayoutImage) -> str:
    """`localhost:port/team/app`, which holds the image under the tag `one`."""
    name = f"localhost:{server.port}/team/app"
    must(*COPY, f"oci:{image.layout}", f"docker://{name}:one")
    assert digest(server, "team/app", "one") == image.digest
    return name


def digest(server: Server, name: str, reference: str) -> str | None:
    answer = server.request("HEAD", f"/v2/{name}/manifests/{reference}")
    return answer.headers["docker-content-digest"] if answer.status == 200 else None


def platforms(server: Server, name: str, reference: str) -> set[str]:
    index = server.request("GET", f"/v2/{name}/manifests/{reference}").json()
    assert all(digest(server, name, each["digest"]) for each in index["manifests"])
    return {f"{each['platform']['os']}/{each['platform']['architecture']}" for each in index["manifests"]}


def blobs(layout: Path) -> set[str]:
    return {file.name for file in (layout / "blobs/sha256").iterdir()}


# -- skopeo -----------------------------------------------------------------------------------------------------------


@pytest.mark.needs("skopeo")
def test_skopeo_copies_an_index_in_across_and_out_without_a_changed_byte(
    server: Server, image: LayoutImage, pushed: str, tmp_path: Path
) -> None:
    must(*COPY, f"docker://{pushed}:one", f"docker://{pushed}-copy:two")
    must(*COPY, f"docker://{pushed}-copy:two", f"oci:{tmp_path}/back:two")
    assert digest(server, "team/app-copy", "two") == image.digest
    assert platforms(server, "team/app-copy", "two") == PLATFORMS
    assert blobs(tmp_path / "back") == blobs(image.layout)
    assert told("skopeo", "list-tags", "--tls-verify=false", f"docker://{pushed}")["Tags"] == ["one"]
    must("skopeo", "delete", "--tls-verify=false", f"docker://{pushed}-copy:two")
    assert digest(server, "team/app-copy", "two") is None


@pytest.mark.needs("skopeo")
def test_skopeo_syncs_a_repository_out_to_a_folder_and_in_again(
    server: Server, image: LayoutImage, pushed: str, tmp_path: Path
) -> None:
    must(*COPY, f"docker://{pushed}:one", f"docker://{pushed}:another")
    options = ("--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false")
    folder = tmp_path / "synced"
    folder.mkdir()
    must("skopeo", "sync", *options, "--scoped", "--src", "docker", "--dest", "dir", pushed, str(folder))
    host = f"localhost:{server.port}"
    must("skopeo", "sync", *options, "--src", "dir", "--dest", "docker", str(folder / host / "team"), f"{host}/mirror")
    assert {digest(server, "mirror/app", tag) for tag in ("one", "another")} == {image.digest}
    assert platforms(server, "mirror/app", "one") == PLATFORMS


@pytest.mark.needs("skopeo")
def test_skopeo_stores_dockers_own_format(server: Server, pushed: str) -> None:
    must(
        *("skopeo", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--format", "v2s2"),
        *(f"docker://{pushed}:one", f"docker://{pushed}-docker:one"),
    )
    stored = server.request("GET", "/v2/team/app-docker/manifests/one")
    assert stored.headers["content-type"] == stored.json()["mediaType"] == DOCKER_MANIFEST
    assert len(told("skopeo", "inspect", "--tls-verify=false", f"docker://{pushed}-docker:one")["Layers"]) == 3


# -- podman and buildah -----------------------------------------------------------------------------------------------


@pytest.fixture(params=["podman", "buildah"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """The program with a storage of its own; it needs no daemon, and here no containers."""
    with TemporaryDirectory(prefix="windlass-test-") as short:  # podman takes 50 characters
        found = (request.param, "--root", str(tmp_path / "storage"), "--runroot", short, "--storage-driver", "vfs")
        yield found
        run([*found, "rmi", "--all", "--force"], timeout=180)


@pytest.mark.needs("podman", "buildah", "skopeo")
def test_podman_and_buildah_push_an_index_of_two_platforms_and_pull_one(
    server: Server, engine: tuple[str, ...], tmp_path: Path
) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM scratch\nCOPY data /data\n")
    (context / "data").write_bytes(bytes(range(256)) * 4000)
    name = f"localhost:{server.port}/team/{engine[0]}"
    for platform in sorted(PLATFORMS):
        must(*engine, "build", "--layers=false", "--platform", platform, "--manifest", f"{name}:all", str(context))
    must(*engine, "manifest", "push", "--all", "--tls-verify=false", f"{name}:all", f"docker://{name}:all")
    assert platforms(server, f"team/{engine[0]}", "all") == PLATFORMS
    must(*engine, "rmi", "--all", "--force")

    must(*engine, "pull", "--tls-verify=false", "--arch", "arm64", f"{name}:all")
    listed = told(*engine, "images", "--json" if engine[0] == "buildah" else "--format=json")
    assert len(listed) == 1
    for form in ("oci", "v2s2"):
        must(*engine, "push", "--tls-verify=false", "--format", form, f"{name}:all", f"docker://{name}:{form}")
        found = told("skopeo", "inspect", "--override-arch=arm64", "--tls-verify=false", f"docker://{name}:{form}")
        assert found["Architecture"] == "arm64"


@pytest.mark.needs("podman", "skopeo")
@pytest.mark.parametrize("engine", ["podman"], indirect=True)
def test_podman_unpacks_what_another_client_pushed(server: Server, engine: tuple[str, ...], pushed: str) -> None:
    must(*engine, "pull", "--tls-verify=false", f"{pushed}:one")
    must(*engine, "create", "--name", "windlass-test-registry", f"{pushed}:one")
    try:
        must(*engine, "cp", "windlass-test-registry:/layer-0", str(server.root.parent / "layer-0"))
    finally:
        must(*engine, "rm", "windlass-test-registry")
    assert (server.root.parent / "layer-0").read_bytes() == b"shared by all images\n"


# -- oras -------------------------------------------------------------------------------------------------------------


@pytest.mark.needs("oras", "skopeo")
def test_oras_attaches_to_an_index_and_discovers_pulls_and_copies_it_with_the_image(
    server: Server, image: LayoutImage, pushed: str, tmp_path: Path
) -> None:
    (tmp_path / "bom.json").write_text('{"bomFormat": "CycloneDX"}')
    attach = ("oras", "attach", "--plain-http", "--format", "json", "--artifact-type")
    bom = json.loads(must(*attach, "application/x.bom", f"{pushed}:one", "bom.json", cwd=tmp_path).stdout)["digest"]
    subject = f"{pushed}@{bom}"
    seal = json.loads(must(*attach, "application/x.seal", subject, "-a", "by=test", cwd=tmp_path).stdout)["digest"]

    discover = ("oras", "discover", "--plain-http", "--format", "json")
    assert [each["digest"] for each in told(*discover, f"{pushed}:one")["referrers"]] == [bom]
    assert not told(*discover, "--artifact-type", "application/x.seal", f"{pushed}:one").get("referrers")
    assert [each["digest"] for each in told(*discover, subject)["referrers"]] == [seal]
    assert told("oras", "repo", "tags", "--plain-http", "--format", "json", pushed)["tags"] == ["one"]  # no fallback

    must("oras", "pull", "--plain-http", "-o", str(tmp_path / "pulled"), subject)
    assert (tmp_path / "pulled/bom.json").read_bytes() == (tmp_path / "bom.json").read_bytes()

    must("oras", "copy", "-r", "--from-plain-http", "--to-plain-http", f"{pushed}:one", f"{pushed}-copy:one")
    assert digest(server, "team/app-copy", "one") == image.digest
    assert [each["digest"] for each in told(*discover, f"{pushed}-copy:one")["referrers"]] == [bom]
    assert [each["digest"] for each in told(*discover, f"{pushed}-copy@{bom}")["referrers"]] == [seal]

    must("oras", "manifest", "delete", "--plain-http", "--force", subject)
    assert not told(*discover, f"{pushed}:one").get("referrers")


@pytest.mark.needs("oras")
def test_oras_pushes_an_artifact_of_several_files_under_several_tags(server: Server, tmp_path: Path) -> None:
    files = {"small.txt": b"a few words\n", "empty": b"", "large.bin": bytes(range(256)) * 40_000}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    place = f"localhost:{server.port}/team/files"
    argv = ("oras", "push", "--plain-http", "--artifact-type", "application/x.files", f"{place}:one,two", *files)
    must(*argv, cwd=tmp_path)
    must("oras", "pull", "--plain-http", "-o", str(tmp_path / "pulled"), f"{place}:two")
    assert {name: (tmp_path / "pulled" / name).read_bytes() for name in files} == files


# -- crane ------------------------------------------------------------------------------------------------------------


@pytest.mark.needs("crane", "skopeo")
def test_crane_finds_copies_checks_and_deletes(server: Server, image: LayoutImage, pushed: str) -> None:
    assert must("crane", "digest", f"{pushed}:one").stdout.strip() == image.digest
    must("crane", "copy", f"{pushed}:one", f"{pushed}-copy:one")
    must("crane", "tag", f"{pushed}-copy:one", "two")
    must("crane", "validate", "--remote", f"{pushed}-copy:two")
    assert platforms(server, "team/app-copy", "two") == PLATFORMS
    assert must("crane", "ls", f"{pushed}-copy").stdout.split() == ["one", "two"]
    assert must("crane", "catalog", f"localhost:{server.port}").stdout.split() == ["team/app", "team/app-copy"]
    must("crane", "delete", f"{pushed}-copy@{image.digest}")
    assert not must("crane", "ls", f"{pushed}-copy").stdout.split()
    assert digest(server, "team/app", "one") == image.digest
