"""`windlass registry prune` against the embedded registry and Debian's `docker-registry`: what runs stays pullable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.oci.conftest import distribution, registry_host  # noqa: F401
from tests.integration.registry.project import Shop
from tests.integration.registry.serving import Server
from windlass import process
from windlass.errors import ExitCode
from windlass.model.plan import Input
from windlass.oci import digest as digests
from windlass.oci.integrity import damage
from windlass.oci.manifest import EMPTY, OCI_EMPTY, OCI_MANIFEST, canonical, to_document
from windlass.oci.memory import RegistryMemory
from windlass.registry.retention.survey import survey
from windlass.testing.registry import FakeRegistry, refuse

REPOSITORY = "crank-platform"
PERSON = {f"GIT_{role}_{what}": "test@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


@pytest.fixture
def any_shop(registry_host: str, tmp_path: Path) -> Iterator[Shop]:  # noqa: F811
    """A shop in a registry that may hold those of other tests: it has a prefix of its own."""
    found = Shop(tmp_path / "shop", registry_host, prefix=f"{tmp_path.name.replace('_', '-')[:60]}".lower().strip("-"))
    found.begin()
    yield found


@pytest.fixture
def shop(server: Server, tmp_path: Path) -> Shop:
    found = Shop(tmp_path / "shop", f"127.0.0.1:{server.port}")
    found.begin()
    return found


def commits(shop: Shop, count: int) -> list[str]:
    """Short ids of new commits, a day apart and long ago: some registries know no other times."""
    found = []
    for number in range(count):
        when = {"GIT_COMMITTER_DATE": f"2026-01-{number + 1:02} 12:00:00 +0000"}
        argv = ["git", "commit", "-q", "--allow-empty", "-m", str(number)]
        process.run(argv, cwd=shop.root, env={**PERSON, **when}, check=True)
        found.append(shop.git("rev-parse", "HEAD")[:7])
    return found


def name(shop: Shop, repository: str = REPOSITORY) -> str:
    return f"{shop.prefix}/{repository}" if shop.prefix else repository


def publish(shop: Shop, count: int, repository: str = REPOSITORY) -> list[tuple[str, str]]:
    """Images of `count` commits of main, oldest first: (tag, digest). All share a layer."""
    found = []
    for sha in commits(shop, count):
        tag = f"main-{sha}"
        found.append((tag, shop.push(f"{repository} {sha}", repository, [tag])))
    return found


def tags(shop: Shop, repository: str = REPOSITORY) -> set[str]:
    return set(shop.client.tags(name(shop, repository)))


def sign(shop: Shop, digest: str, repository: str = REPOSITORY) -> str:
    """An artifact that refers to an image, by OCI 1.1 or, where the registry does not know that, by tag."""
    client, where = shop.client, name(shop, repository)
    config = client.upload_bytes(where, EMPTY, OCI_EMPTY)
    subject = client.head_manifest(where, digest)
    assert subject is not None
    body = canonical(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": "application/vnd.test.signature",
            "config": to_document(config),
            "layers": [to_document(config)],
            "subject": to_document(subject),
        }
    )
    made = client.put_manifest(where, digests.of(body), body, OCI_MANIFEST)
    if not client.referrers(where, digest):
        client.put_manifest(where, digest.replace(":", "-") + ".sig", body, OCI_MANIFEST)
    return made


def deletions(document: dict[str, Any], kind: str) -> set[str]:
    return {one["name"] for one in document["items"] if one["kind"] == kind and one["action"] == "delete"}


def test_what_is_beyond_goes_and_all_that_is_needed_can_be_pulled(any_shop: Shop) -> None:
    shop = any_shop
    images = publish(shop, 8)
    shop.deploy("staging", name(shop), *images[0])
    shop.deploy("production", name(shop), *images[2])
    shop.deploy("production", name(shop), *images[3])
    signature, gone = sign(shop, images[0][1]), sign(shop, images[1][1])
    latest = shop.push("moving", REPOSITORY, ["latest"])
    dry = shop.json("prune", "--keep", "2", "--dry-run")
    assert {one for one, _ in images} <= tags(shop), "a dry run deletes nothing"
    assert shop.json("prune", "--keep", "2") == dry
    assert dry["failed"] == dry["skipped"] == []
    stay = {images[0], images[2], images[3], images[6], images[7]}
    assert {one for one in tags(shop) if one.startswith("main-")} == {tag for tag, _ in stay}
    for _, digest in [*stay, ("latest", latest)]:
        assert damage(shop.client, name(shop), digest) is None
    for digest in (images[1][1], images[4][1], images[5][1], gone):
        assert shop.client.head_manifest(name(shop), digest) is None
    assert shop.client.head_manifest(name(shop), signature) is not None
    assert shop.json("prune", "--keep", "2")["summary"]["delete"] == {"tags": 0, "manifests": 0}


def test_an_image_of_many_names_is_judged_by_all_of_them(any_shop: Shop) -> None:
    shop = any_shop
    shas = commits(shop, 5)
    shop.push("same", REPOSITORY, [f"main-{shas[0]}"])
    others = [shop.push(sha, REPOSITORY, [f"main-{sha}"]) for sha in shas[1:4]]
    same = shop.push("same", REPOSITORY, [f"main-{shas[4]}"])
    elsewhere = shop.push("same", "worker", [f"main-{shas[0]}"])
    assert same == elsewhere
    shop.json("prune", "--keep", "1")
    assert damage(shop.client, name(shop), same) is None
    assert damage(shop.client, name(shop, "worker"), same) is None
    assert f"main-{shas[4]}" in tags(shop)
    assert all(shop.client.head_manifest(name(shop), digest) is None for digest in others)


def test_records_go_with_their_images_and_nobody_is_told_of_one_that_is_gone(any_shop: Shop) -> None:
    shop = any_shop
    times = iter(range(1, 9))
    memory = RegistryMemory(shop.client, shop.prefix, now=lambda: f"2026-01-31T00:00:0{next(times)}.000000+00:00")
    images = publish(shop, 3)
    prints = [f"sha256:{number:x}{number:063x}" for number in range(1, 4)]
    for fingerprint, (_, digest) in zip(prints, images, strict=True):
        memory.remember(name(shop), fingerprint, digest, [Input("file", "a", fingerprint)], "main")
    foreign = f"sha256:{9:x}{9:063x}"
    memory.remember("of/others", foreign, images[0][1], [], "main")
    document = shop.json("prune", "--keep", "1")
    assert len(deletions(document, "tag")) == 4
    recalled = memory.recall([(name(shop), one) for one in prints])
    assert list(recalled) == [prints[2]]
    assert memory.last_inputs(name(shop), "main") == (Input("file", "a", prints[2]),)
    assert "has nothing" not in str(recalled)
    left = survey(shop.client, [name(shop, "windlass/fingerprints")]).repositories[0]
    assert {one.annotation("dev.windlass.repository") for one in left.manifests} == {name(shop), "of/others"}


def test_repositories_of_others_are_not_touched(shop: Shop) -> None:
    publish(shop, 3)
    theirs = [shop.push(f"theirs {number}", "another/service", [f"main-{number:07x}"]) for number in range(4)]
    document = shop.json("prune", "--keep", "1")
    assert "another/service" not in {one["repository"] for one in document["items"]}
    assert all(damage(shop.client, "another/service", digest) is None for digest in theirs)


def test_what_an_environment_runs_that_is_no_longer_declared_stays(shop: Shop) -> None:
    images = publish(shop, 3)
    shop.deploy("gone", REPOSITORY, *images[0])
    old = shop.push("of a service that is gone", "old-service", ["main-0000001"])
    shop.deploy("other", "old-service", "main-0000001", old)
    document = shop.json("prune", "--keep", "1")
    assert document["environments"] == ["gone", "other"]
    assert damage(shop.client, REPOSITORY, images[0][1]) is None
    assert damage(shop.client, "old-service", old) is None
    assert deletions(document, "tag") == {images[1][0]}


def test_with_times_and_locks_of_the_registry(server: Server, shop: Shop) -> None:
    images = publish(shop, 4)
    locked = {"deleteEnabled": False}
    where = f"/acr/v1/{REPOSITORY}/_tags/{images[0][0]}"
    answer = server.request("PATCH", where, body=json.dumps(locked), headers={"content-type": "application/json"})
    assert answer.status == 200
    names = [images[3][0], "main-abcdef0"]
    shop.push(f"{REPOSITORY} {images[3][0].removeprefix('main-')}", REPOSITORY, names)
    document = shop.json("prune", "--keep", "1")
    reasons = {one["name"]: one["because"] for one in document["items"] if one["kind"] == "tag"}
    assert reasons[images[0][0]] == "locked"
    assert reasons["main-abcdef0"] == "newest"
    assert tags(shop) == {images[0][0], "main-abcdef0"}, "an old name of a kept image is taken off alone"
    assert damage(shop.client, REPOSITORY, images[3][1]) is None


def test_younger_images_stay_by_age(shop: Shop) -> None:
    publish(shop, 3)
    assert shop.json("prune", "--keep", "1", "--older-than", "1h")["summary"]["delete"]["manifests"] == 0
    assert shop.run("prune", "--older-than", "999999d").returncode == ExitCode.USAGE
    assert shop.run("prune", "--older-than", "0d").returncode == ExitCode.USAGE
    assert shop.run("prune", "--keep", "0").returncode == ExitCode.USAGE
    assert len(tags(shop)) == 3


def test_what_it_frees_is_what_gc_frees(server: Server, shop: Shop) -> None:
    from windlass.registry.server.storage.blobs import stored_bytes
    from windlass.registry.server.upkeep.once import collect_root

    publish(shop, 4)
    publish(shop, 2, "worker")
    collect_root(server.root, grace=0)
    before = stored_bytes(server.root)
    summary = shop.json("prune", "--keep", "1")["summary"]
    collect_root(server.root, grace=0)
    assert before - stored_bytes(server.root) == summary["frees"]
    assert summary["frees"] < summary["bytes"]


def test_without_knowing_what_runs_nothing_is_deleted(shop: Shop, tmp_path: Path) -> None:
    images = publish(shop, 3)
    shop.deploy("production", REPOSITORY, *images[0])
    config = (shop.root / "windlass.yaml").read_text()
    (shop.root / "windlass.yaml").write_text(f"{config}state: {{remote: origin}}\n")
    done = shop.run("prune", "--keep", "1")
    assert (done.returncode, "origin" in done.stderr) == (ExitCode.UNUSABLE, True)
    shop.git("init", "-q", "--bare", str(tmp_path / "origin"))
    shop.git("remote", "add", "origin", str(tmp_path / "origin"))
    shop.git("push", "-q", "origin", "windlass/env/production")
    assert deletions(shop.json("prune", "--keep", "1", "--dry-run"), "tag") == {images[1][0]}
    # A record that this version does not understand.
    tree = shop.git("rev-parse", "windlass/env/production^{tree}")
    (shop.root / "record.json").write_text('{"schema": 999}')
    blob = shop.git("hash-object", "-w", "record.json")
    (shop.root / "record.json").unlink()
    listing = f"100644 blob {blob}\trecord.json\n" + shop.git("ls-tree", tree, "source") + "\n"
    newer = _mktree(shop, listing)
    commit = shop.git("commit-tree", newer, "-p", "windlass/env/production", "-m", "newer")
    shop.git("push", "-q", "origin", f"{commit}:refs/heads/windlass/env/production")
    done = shop.run("prune", "--keep", "1")
    assert (done.returncode, "newer Windlass" in done.stderr) == (ExitCode.UNUSABLE, True)
    assert tags(shop) == {tag for tag, _ in images}


def _mktree(shop: Shop, listing: str) -> str:
    return process.run(["git", "mktree"], cwd=shop.root, input=listing, check=True).stdout.strip()


def test_a_shallow_clone_does_not_prune(shop: Shop, tmp_path: Path) -> None:
    images = publish(shop, 3)
    for image in images:
        shop.deploy("production", REPOSITORY, *image)
    shop.git("clone", "-q", "--depth", "1", "--no-single-branch", f"file://{shop.root}", str(tmp_path / "clone"))
    clone = Shop(tmp_path / "clone", shop.host)
    clone.git("branch", "-q", "windlass/env/production", "origin/windlass/env/production")
    done = clone.run("prune", "--keep", "1")
    assert (done.returncode, "shallow" in done.stderr) == (ExitCode.UNUSABLE, True)
    assert tags(shop) == {tag for tag, _ in images}


def test_a_shared_registry_needs_shared_state(shop: Shop) -> None:
    config = (shop.root / "windlass.yaml").read_text()
    (shop.root / "windlass.yaml").write_text(config.replace(shop.host, "registry.invalid"))
    done = shop.run("prune")
    assert (done.returncode, "--state-here" in done.stderr) == (ExitCode.UNUSABLE, True)


def test_the_report_is_there_before_the_first_deletion(shop: Shop, tmp_path: Path) -> None:
    publish(shop, 3)
    for wrong in (tmp_path / "nowhere" / "report.json", tmp_path, Path("/proc/report.json")):
        done = shop.run("prune", "--keep", "1", "--report", str(wrong))
        assert done.returncode == ExitCode.USAGE, done.stdout + done.stderr
        assert len(tags(shop)) == 3
    report = tmp_path / "report.json"
    shown = shop.json("prune", "--keep", "1", "--report", str(report))
    assert json.loads(report.read_text()) == shown
    assert len(tags(shop)) == 1


def test_a_dry_run_prints_the_bytes_of_the_real_one(shop: Shop) -> None:
    publish(shop, 3)
    dry = shop.run("prune", "--keep", "1", "--dry-run", "--json")
    assert shop.run("prune", "--keep", "1", "--json").stdout == dry.stdout


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[tuple[FakeRegistry, Shop]]:
    registry = FakeRegistry()
    with registry.served() as host:
        found = Shop(tmp_path / "shop", host)
        found.begin()
        yield registry, found


def test_what_fails_is_told_and_what_hangs_on_it_stays(fake: tuple[FakeRegistry, Shop], tmp_path: Path) -> None:
    registry, shop = fake
    images = publish(shop, 4)
    stuck = images[1][1]
    children = [one.digest for one in shop.client.get_manifest(REPOSITORY, stuck).content.manifests]  # type: ignore[union-attr]
    registry.fail(
        lambda: refuse(405, "UNSUPPORTED", "locked"), when=f"DELETE /v2/{REPOSITORY}/manifests/{stuck}", times=9
    )
    report = tmp_path / "report.json"
    done = shop.run("prune", "--keep", "1", "--report", str(report))
    assert done.returncode == ExitCode.UNUSABLE
    document = json.loads(report.read_text())
    assert [one["name"] for one in document["failed"]] == [stuck]
    assert "locked" in document["failed"][0]["why"]
    assert {one["name"] for one in document["skipped"]} == set(children)
    assert tags(shop) == {images[1][0], images[3][0]}
    assert damage(shop.client, REPOSITORY, stuck) is None
    registry.faults.clear()
    assert shop.json("prune", "--keep", "1")["failed"] == []
    assert tags(shop) == {images[3][0]}


def test_a_tag_that_moves_before_its_turn_saves_its_image(fake: tuple[FakeRegistry, Shop]) -> None:
    registry, shop = fake
    images = publish(shop, 4)
    asked = 0

    def someone(request: Any) -> None:
        """Names an image that is to go, and moves the name of another, after the registry was read."""
        nonlocal asked
        if request.line == f"GET /v2/{REPOSITORY}/tags/list":
            asked += 1
            if asked == 2:
                registry.repositories[REPOSITORY].tags["release-1"] = images[2][1]
                registry.repositories[REPOSITORY].tags[images[1][0]] = images[3][1]

    registry.faults.append(someone)
    document = shop.json("prune", "--keep", "1")
    skipped = {one["name"]: one["why"] for one in document["skipped"]}
    assert skipped[images[1][1]] == f"{images[1][0]} was moved since"
    assert skipped[images[2][1]] == "tagged release-1 since"
    assert tags(shop) == {images[1][0], images[2][0], images[3][0], "release-1"}
    for tag in tags(shop):
        assert (
            damage(shop.client, REPOSITORY, tag if ":" in tag else registry.repositories[REPOSITORY].tags[tag]) is None
        )


@pytest.mark.parametrize("columns", [80, 140])
def test_it_says_what_goes_what_it_frees_and_why_the_rest_stays(shop: Shop, columns: int) -> None:
    images = publish(shop, 5)
    shop.deploy("production", REPOSITORY, *images[0])
    dry = shop.run("prune", "--keep", "2", "--dry-run", columns=columns)
    assert "would delete 2 tags and 6 manifests, frees" in dry.stdout
    assert "beyond the 2 newest of main" in dry.stdout
    assert "runs in an environment" in dry.stdout
    assert all(len(line) <= columns for line in dry.stdout.splitlines())
    real = shop.run("prune", "--keep", "2", columns=columns)
    assert "windlass registry gc" in real.stdout or "garbage" in real.stdout
    assert "nothing to delete" in shop.run("prune", "--keep", "2").stdout
