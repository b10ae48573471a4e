"""The whole picture of a root, read from disk while a server may go on serving; nothing is changed.

What is found wrong is looked at twice, because a push or a deletion may have been under way: a manifest counts only while
it is still there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from windlass.registry.server.names import ALGORITHMS, Digest, as_digest
from windlass.registry.server.problems import Problem
from windlass.registry.server.storage.layout import INDEX_NAME, is_current
from windlass.registry.server.storage.manifests import parse_manifest
from windlass.registry.server.storage.references import Dependent, dependents
from windlass.registry.server.storage.repositories import Repository
from windlass.registry.server.storage.root_lock import holder
from windlass.registry.server.storage.storage import Storage
from windlass.registry.server.upkeep.scrub import Pace, examine

Kind = Literal["damaged", "missing", "tag", "layout", "stray", "leftover", "quarantine", "index"]
HARMLESS: frozenset[Kind] = frozenset({"stray", "leftover", "quarantine", "index"})
"""Findings that no client notices."""

_OWN = frozenset({"blobs", "uploads", "repositories", "quarantine", "removed", "oci-layout", INDEX_NAME})
_FILES = ("lock", "starting", "control", "scrub.json", "access", "token", "htpasswd", "tls")
"""What files that are not content begin with."""
_REMEDY: dict[Kind, str] = {
    "damaged": "windlass registry scrub moves it aside; then push the images that need it again",
    "missing": "push the image again, or delete it with windlass registry rm",
    "tag": "push the tag again, or run windlass registry gc, which removes it",
    "layout": "start the registry once: windlass registry serve writes it anew",
    "stray": "nothing of the registry's; look at it and remove it",
    "leftover": "of a crash, and counts for nothing; windlass registry gc or the next start removes it",
    "quarantine": "damaged content that was moved aside; remove it when it is of no more interest",
    "index": "written anew a moment after a registry starts",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` is a digest, a tag (`repository:tag`) or a path below the root."""

    kind: Kind
    what: str
    reason: str
    needed_by: tuple[Dependent, ...] = ()

    @property
    def remedy(self) -> str:
        return _REMEDY[self.kind]

    @property
    def harmless(self) -> bool:
        return self.kind in HARMLESS


@dataclass(frozen=True, slots=True)
class Checked:
    """`size` in bytes, of all blobs. `hashed` says whether content was hashed, not only looked at."""

    findings: tuple[Finding, ...]
    repositories: int
    tags: int
    manifests: int
    blobs: int
    size: int
    hashed: bool
    seconds: float

    @property
    def sound(self) -> bool:
        """Whether everything that can be pulled can be pulled whole."""
        return all(finding.harmless for finding in self.findings)


def check(root: Path, *, fast: bool = False, passed: Callable[[int], None] = lambda size: None) -> Checked:
    """Look at everything under a root.

    Args:
        fast: do not hash content.
        passed: called with the bytes hashed so far, after each blob.

    Raises:
        OSError
    """
    began = time.monotonic()
    storage = Storage(root)
    findings = [*_layout(root), *_strays(root), *_leftovers(storage)]
    tags = manifests = size = blobs = 0
    absent: dict[Digest, str] = {}
    names = storage.folders()
    for name in names:
        repository = storage.repository(name)
        for tag in repository.tags():
            tags += 1
            if (finding := _tag(repository, tag)) is not None:
                findings.append(finding)
        for manifest in repository.manifests():
            manifests += 1
            absent.update(_absent(storage, repository, manifest))
    pace = Pace(None, lambda: False)
    damaged: dict[Digest, str] = {}
    for digest in storage.blobs.stored():
        blobs += 1
        size += storage.blobs.size(digest) or 0
        if not fast:
            if (found := examine(storage, digest, pace)) is not None:
                damaged[digest] = found.reason
            passed(pace.size)
    needs = dependents(storage, {*absent, *damaged})
    findings += [Finding("damaged", digest, reason, needs.get(digest, ())) for digest, reason in damaged.items()]
    findings += [
        Finding("missing", digest, reason, needs[digest])
        for digest, reason in absent.items()
        if digest not in damaged and digest in needs
    ]
    if not is_current(storage):
        findings.append(Finding("index", INDEX_NAME, "it does not list what the repositories hold"))
    return Checked(tuple(findings), len(names), tags, manifests, blobs, size, not fast, time.monotonic() - began)


def _tag(repository: Repository, tag: str) -> Finding | None:
    digest = repository.resolve(tag)
    if digest is not None and repository.has_manifest(digest):
        return None
    if tag not in repository.tags() or repository.resolve(tag) != digest:
        return None  # it was moved or removed just now
    reason = f"it points to {digest}, which is not there" if digest is not None else "what it points to is no digest"
    return Finding("tag", f"{repository.name}:{tag}", reason)


def _absent(storage: Storage, repository: Repository, digest: Digest) -> Iterator[tuple[Digest, str]]:
    """Content that this manifest needs and its repository lacks."""
    data, media_type = storage.blobs.read(digest), repository.media_type(digest)
    if media_type is None:
        return
    if data is None:
        if repository.has_manifest(digest):
            yield digest, "the manifest's own content is not stored"
        return
    try:
        manifest = parse_manifest(data, media_type)
    except Problem:
        return  # hashing tells whether it is damaged
    needs = [(need, False) for need in manifest.blobs] + [(need, True) for need in manifest.children]
    for need, child in needs:
        size = storage.blobs.size(need.digest)
        linked = repository.has_blob(need.digest) or (child and repository.has_manifest(need.digest))
        if size == need.size and linked:
            continue
        if repository.has_manifest(digest):
            yield need.digest, _why(size, need.size)


def _why(size: int | None, wanted: int) -> str:
    if size is None:
        return "its content is not stored"
    return f"it has {size} bytes instead of {wanted}" if size != wanted else "its repository does not list it"


def _layout(root: Path) -> Iterator[Finding]:
    try:
        if b"imageLayoutVersion" in (root / "oci-layout").read_bytes():
            return
    except OSError:
        pass
    yield Finding("layout", "oci-layout", "the file that makes this an OCI image layout is missing or wrong")


def _strays(root: Path) -> Iterator[Finding]:
    for entry in sorted(os.scandir(root), key=lambda entry: entry.name):
        if entry.name not in _OWN and not entry.name.startswith(_FILES):
            yield Finding("stray", entry.name, "it does not belong to a registry")
    blobs = root / "blobs"
    for algorithm in sorted(os.listdir(blobs)) if blobs.is_dir() else ():  # noqa: PTH208
        if algorithm not in ALGORITHMS:
            yield Finding("stray", f"blobs/{algorithm}", "content has no such algorithm here")
            continue
        for entry in os.scandir(blobs / algorithm):
            if as_digest(f"{algorithm}:{entry.name}") is None:
                yield Finding("stray", f"blobs/{algorithm}/{entry.name}", "its name is no digest")
            elif not entry.is_file(follow_symlinks=False):
                yield Finding("stray", f"blobs/{algorithm}/{entry.name}", "it is not a file")


def _leftovers(storage: Storage) -> Iterator[Finding]:
    serving = holder(storage.root) is not None
    for path, size in storage.uploads.expired(0.0 if not serving else 24 * 3600.0):
        session = "." in path.name
        if not session or serving:
            yield Finding("leftover", f"uploads/{path.name}", f"{size} bytes of a push that ended")
    if (storage.root / "removed").is_dir():
        yield Finding("leftover", "removed", "repositories that were being removed")
    for name in storage.folders():
        repository = storage.repository(name)
        for path in repository.leftovers():
            if path.parent.name != "_tags":
                yield Finding("leftover", str(path.relative_to(storage.root)), "a referrer without its manifest")
    for path in storage.blobs.quarantined():
        yield Finding("quarantine", str(path.relative_to(storage.root)), "damaged content, moved aside")
