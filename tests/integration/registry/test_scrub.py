"""Damage on the disk: found while the registry serves, moved aside, repaired by the next push; and what `check` says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.registry.serving import Server
from tests.integration.registry.test_collect import SHARED, command, manifest, push_image, put
from windlass.cli.main import main
from windlass.process import run
from windlass.registry.server.names import Digest, digest_of
from windlass.waiting import wait_for


def file_of(server: Server, digest: Digest) -> Path:
    return server.root / "blobs/sha256" / digest.partition(":")[2]


def damage(server: Server, digest: Digest) -> None:
    data = bytearray(file_of(server, digest).read_bytes())
    data[len(data) // 2] ^= 1
    file_of(server, digest).write_bytes(data)


@pytest.mark.parametrize("serving", [True, False])
def test_a_damaged_layer_is_moved_aside_named_and_repaired_by_a_push(
    server: Server, capsys: pytest.CaptureFixture[str], serving: bool
) -> None:
    image = push_image(server, "a", "one", SHARED)
    push_image(server, "b", "two", b"other")
    entry = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": image, "size": len(manifest(SHARED))}
    index = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    headers = {"content-type": "application/vnd.oci.image.index.v1+json"}
    assert server.request("PUT", "/v2/a/manifests/multi", body=index, headers=headers).status == 201
    layer = digest_of(SHARED)
    damage(server, layer)
    if not serving:
        server.end()
    code, found = command(capsys, "check", "--root", str(server.root))
    assert (code, found["sound"]) == (7, False)
    assert [(each["kind"], each["what"]) for each in found["findings"] if not each["harmless"]] == [("damaged", layer)]
    assert file_of(server, layer).exists()
    code, done = command(capsys, "scrub", "--root", str(server.root))
    assert code == 7
    (only,) = done["damage"]
    assert only["digest"] == layer
    assert {(each["repository"], tag) for each in only["needed_by"] for tag in each["tags"]} == {
        ("a", "one"),
        ("a", "multi"),
    }
    assert (server.root / only["moved_to"]).is_file()
    code, found = command(capsys, "check", "--fast", "--root", str(server.root))
    assert (code, {each["kind"] for each in found["findings"]} - {"index"}) == (7, {"missing", "quarantine"})
    assert main(["registry", "check", "--root", str(server.root)]) == 7
    assert "push the image again" in " ".join(capsys.readouterr().out.split())
    if not serving:
        server.start()
    assert server.request("HEAD", f"/v2/a/blobs/{layer}").status == 404
    server.push_blob("a", SHARED)
    assert server.request("GET", f"/v2/a/blobs/{layer}").data == SHARED
    assert command(capsys, "check", "--root", str(server.root))[0] == 0
    assert command(capsys, "scrub", "--root", str(server.root))[0] == 0


def test_a_damaged_manifest_is_never_served_and_a_push_repairs_it(server: Server) -> None:
    digest = push_image(server, "a", "one", SHARED)
    server.end()
    damage(server, digest)
    server.start()
    assert server.request("GET", "/v2/a/manifests/one").status == 404
    assert put(server, "a", "one", manifest(SHARED)) == 201
    assert server.request("GET", "/v2/a/manifests/one").data == manifest(SHARED)


def test_a_manifest_that_was_served_is_not_any_more_when_a_scrub_found_it_damaged(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = push_image(server, "a", "one", SHARED)
    assert server.request("GET", "/v2/a/manifests/one").status == 200  # now from memory
    damage(server, digest)
    code, done = command(capsys, "scrub", "--root", str(server.root))
    assert (code, done["damage"][0]["needed_by"][0]["tags"]) == (7, ["one"])
    wait_for(lambda: server.request("HEAD", "/v2/a/manifests/one").status, lambda status: status == 404, seconds=60)
    assert put(server, "a", "one", manifest(SHARED)) == 201
    assert server.request("GET", "/v2/a/manifests/one").data == manifest(SHARED)


def test_a_scrub_passes_over_what_is_sound(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    push_image(server, "a", "one", SHARED)
    code, done = command(capsys, "scrub", "--rate", "1000", "--root", str(server.root))
    assert (code, done["damage"], done["blobs"], done["complete"]) == (0, [], 3, True)
    assert done["size"] == 2 + len(SHARED) + len(manifest(SHARED))


def test_check_names_everything_that_is_out_of_place(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    image = push_image(server, "a", "one", SHARED)
    push_image(server, "a", "gone", b"gone")
    server.end()
    root = server.root
    file_of(server, digest_of(b"gone")).unlink()
    (root / "repositories/a/_tags/lost").write_text(digest_of(b"nothing"))
    (root / "repositories/a/_tags/odd").write_text("nonsense")
    (root / "blobs/sha256/stray").write_text("")
    (root / "blobs/md5").mkdir()
    (root / "note.txt").write_text("")
    (root / "uploads/write-123").write_text("left")
    (root / "index.json").write_text("{}")
    (root / "oci-layout").unlink()
    before = sorted(root.rglob("*"))
    code, found = command(capsys, "check", "--fast", "--root", str(root))
    assert code == 7
    assert sorted((each["kind"], each["what"]) for each in found["findings"]) == [
        ("index", "index.json"),
        ("layout", "oci-layout"),
        ("leftover", "uploads/write-123"),
        ("missing", digest_of(b"gone")),
        ("stray", "blobs/md5"),
        ("stray", "blobs/sha256/stray"),
        ("stray", "note.txt"),
        ("tag", "a:lost"),
        ("tag", "a:odd"),
    ]
    assert sorted(root.rglob("*")) == before
    assert image
    assert all(each["remedy"] for each in found["findings"])


def test_check_finds_nothing_wrong_with_a_busy_registry(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    push_image(server, "a", "one", SHARED)
    server.begin("a")
    wait_for(
        lambda: command(capsys, "check", "--root", str(server.root))[1]["findings"],
        lambda findings: findings == [],
        seconds=60,
    )


@pytest.mark.needs("skopeo")
def test_skopeo_reads_the_root_as_an_oci_layout(server: Server, tmp_path: Path) -> None:
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    server.push_blob("team/app", config)
    descriptor = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": digest_of(config),
        "size": len(config),
    }
    data = json.dumps({"schemaVersion": 2, "config": descriptor, "layers": []}).encode()
    assert put(server, "team/app", "v1", data) == 201
    seen = wait_for(
        lambda: run(["skopeo", "inspect", "--raw", f"oci:{server.root}:team/app:v1"], timeout=60),
        lambda done: done.ok,
        seconds=60,
    )
    assert seen.stdout.encode().strip() == data
