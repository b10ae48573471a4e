# ruff: noqa: T201
"""A clean-up's plan over 100,000 tags: how long it takes and how much memory.

Goal: at most 10 seconds. Half as many images as tags, each with two platforms, a signature and a fingerprint record; ten
services, forty branches, an environment with a rollback window.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import time
from random import Random

from windlass.model.retention import DAY, RetentionPolicy
from windlass.oci import records
from windlass.oci.manifest import OCI_INDEX, OCI_MANIFEST
from windlass.registry.retention.execute import Outcome
from windlass.registry.retention.model import Inventory, Manifest, Part, Repository, Tag
from windlass.registry.retention.policy import plan
from windlass.registry.retention.protected import Protected
from windlass.registry.retention.reason import Reason
from windlass.registry.retention.report import document
from windlass.registry.retention.scope import Scope, TagNames

_NOW = 1_800_000_000.0
_SERVICES = 10


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="script/bench retention", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tags", type=int, default=100_000, help="how many (default: 100000)")
    given = parser.parse_args(words)
    inventory, protected, scope = _world(given.tags)
    manifests = sum(len(one.manifests) for one in inventory.repositories)
    tags = sum(len(one.tags) for one in inventory.repositories)
    policy = RetentionPolicy(branches=(("main", 10), ("develop", 5), ("*", 3)))
    print(f"{tags} tags and {manifests} manifests in {len(inventory.repositories)} repositories")
    began, worked = time.perf_counter(), time.process_time()
    made = plan(inventory, protected, policy, scope, _NOW)
    took, worked = time.perf_counter() - began, time.process_time() - worked
    print(
        f"plan     {took:6.2f} s ({worked:.2f} s of a processor): {len(made.deletions)} items go, {len(made.kept)} stay   (goal: at most 10 s)"
    )
    began = time.perf_counter()
    document(made, policy, protected, Outcome())
    print(f"document {time.perf_counter() - began:6.2f} s")
    print(
        f"memory   {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:6.0f} MB at most, the inventory included"
    )
    return 0


def _world(tags: int) -> tuple[Inventory, Protected, Scope]:
    random = Random(1)
    branches = ["main", "develop", *(f"feature-{number}" for number in range(38))]
    repositories, written = [], []
    for service in range(_SERVICES):
        name = f"service-{service}"
        manifests: list[Manifest] = []
        images: list[str] = []
        for number in range(tags // _SERVICES // 2):
            pushed = _NOW - random.random() * 400 * DAY
            made = _image(f"{name} {number}", pushed, random)
            manifests += made
            images.append(made[-1].digest)
            written.append((name, made[-1].digest, pushed))
        names = {f"{random.choice(branches)}-{number:07x}" for number in range(tags // _SERVICES)}
        found = tuple(Tag(one, random.choice(images), _NOW - random.random() * 400 * DAY) for one in sorted(names))
        repositories.append(Repository(name, found, tuple(manifests), complete=True))
    repositories.append(_records(written))
    needed = {random.choice(repositories[0].manifests).digest: Reason("runs", "runs in production") for _ in range(50)}
    scope = Scope(
        frozenset(f"service-{number}" for number in range(_SERVICES)),
        records.FINGERPRINTS,
        records.TESTS,
        "windlass/cache",
        steady=frozenset({"main", "develop"}),
        names=TagNames(("main-{sha}", "develop-{sha}", "latest")),
    )
    return Inventory("registry.test", tuple(repositories), untags=True), Protected(needed), scope


def _image(name: str, pushed: float, random: Random) -> list[Manifest]:
    """Two platforms, what refers to the image, and its index, which comes last."""
    platforms = [
        Manifest(
            _digest(f"{name} {platform}"),
            OCI_MANIFEST,
            1200,
            layers=tuple(Part(_digest(f"layer {random.randrange(5000)}"), 1_000_000) for _ in range(6)),
            pushed=pushed,
        )
        for platform in ("amd64", "arm64")
    ]
    children = tuple(Part(one.digest, one.size, OCI_MANIFEST) for one in platforms)
    index = Manifest(_digest(name), OCI_INDEX, 800, children, pushed=pushed)
    signature = Manifest(_digest(f"{name} signature"), OCI_MANIFEST, 600, subject=index.digest, pushed=pushed)
    return [*platforms, signature, index]


def _records(written: list[tuple[str, str, float]]) -> Repository:
    manifests, tags = [], []
    for repository, digest, pushed in written:
        annotations = ((records.REPOSITORY, repository), (records.DIGEST, digest))
        one = Manifest(_digest(f"record {digest}"), OCI_MANIFEST, 700, annotations=annotations, pushed=pushed)
        manifests.append(one)
        tags.append(Tag(f"{one.digest[7:55]}-{digest[7:]}-{int(pushed * 1e6):013x}", one.digest, pushed))
    return Repository(records.FINGERPRINTS, tuple(tags), tuple(manifests), complete=True)


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
