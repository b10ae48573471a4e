"""Inventories to judge: written down by hand, or generated."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from hypothesis import strategies as st

from windlass.oci.manifest import OCI_INDEX, OCI_MANIFEST
from windlass.registry.retention.model import Inventory, Manifest, Part, Repository, Tag


def named(name: str) -> str:
    """The digest of something that is called so in a test."""
    return f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def layer(name: str, size: int) -> Part:
    return Part(named(f"layer {name}"), size, "application/vnd.oci.image.layer.v1.tar+gzip")


def image(name: str, *layers: Part, size: int = 1, subject: str | None = None) -> Manifest:
    config = Part(named(f"{name} config"), 1, "application/vnd.oci.image.config.v1+json")
    return Manifest(named(name), OCI_MANIFEST, size, config=config, layers=layers, subject=subject)


def index(name: str, *children: Manifest, size: int = 1) -> Manifest:
    parts = tuple(Part(child.digest, child.size, child.media_type, "linux/amd64") for child in children)
    return Manifest(named(name), OCI_INDEX, size, children=parts)


def repository(name: str, tags: dict[str, Manifest], *others: Manifest, complete: bool = True) -> Repository:
    found = {manifest.digest: manifest for manifest in (*tags.values(), *others)}
    marks = tuple(Tag(tag, manifest.digest) for tag, manifest in tags.items())
    return Repository(name, marks, tuple(found.values()), complete=complete)


def inventory(*repositories: Repository) -> Inventory:
    return Inventory("registry.test", tuple(sorted(repositories, key=lambda one: one.name)))


@st.composite
def inventories(draw: st.DrawFn) -> Inventory:
    """Few layers and names, so that everything is shared with everything: across tags, indexes and repositories; untagged
    manifests, referrers (also of platforms and of one another), tags on platforms, and subjects that are not there."""
    return inventory(*(draw(_repositories(name)) for name in ("api", "web", "worker")[: draw(st.integers(1, 3))]))


@st.composite
def _repositories(draw: st.DrawFn, name: str) -> Repository:
    layers = [layer(f"{number}", 10**number) for number in range(6)]
    found: list[Manifest] = []
    for number in range(draw(st.integers(0, 4))):
        some = draw(st.lists(st.sampled_from(layers), max_size=3, unique=True))
        found.append(image(f"image {number} {sorted(one.digest for one in some)}", *some))
    for number in range(draw(st.integers(0, 2)) if found else 0):
        children = draw(st.lists(st.sampled_from(found), max_size=3, unique=True))
        found.append(index(f"index {number} {[child.digest for child in children]}", *children))
    for number in range(draw(st.integers(0, 3)) if found else 0):
        subject = draw(st.sampled_from([*(one.digest for one in found), named("gone")]))
        found.append(image(f"referrer {number} {subject}", draw(st.sampled_from(layers)), subject=subject))
    manifests = tuple({one.digest: one for one in found}.values())
    tags: Sequence[Tag] = ()
    if manifests:
        names = draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=5))
        tags = [Tag(tag, draw(st.sampled_from(manifests)).digest) for tag in names]
    return Repository(name, tuple(tags), manifests, complete=draw(st.booleans()))
