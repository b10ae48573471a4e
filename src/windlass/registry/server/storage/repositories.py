"""Repositories: small files that say what a name can see. Content itself is in the blob store.

    repositories/<name>/_blobs/<algorithm>/<hex>          empty: this blob may be pulled here
    repositories/<name>/_manifests/<algorithm>/<hex>      the media type: this manifest may be pulled here
    repositories/<name>/_tags/<tag>                       the digest it points to
    repositories/<name>/_referrers/<algorithm>/<hex of the subject>/<algorithm>-<hex>    a referrer's descriptor
    repositories/<name>/_attributes/…                     locks and the like: see `attributes`

A name's own parts never begin with an underscore, so the two cannot be confused. The file under `_manifests` is written
last and removed first: without it, a referrer's descriptor or a tag counts for nothing.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from windlass.registry.server.names import ALGORITHMS, Digest, as_digest, is_tag, split_digest
from windlass.registry.server.storage.attributes import REPOSITORY, AttributeStore, of_manifest, of_tag
from windlass.registry.server.storage.crash import passing
from windlass.registry.server.storage.durable import make_folders, remove_file, sync_folder, touch_file, write_file


class Repository:
    """One repository's links. Methods that change something block on the disk; hold `lock` over check and change."""

    def __init__(self, name: str, folder: Path, scratch: Path) -> None:
        self.name = name
        self.lock = threading.RLock()
        self._folder = folder
        self._blobs = f"{folder}/_blobs"
        self._manifests = f"{folder}/_manifests"
        self._tags = f"{folder}/_tags"
        self._referrers = f"{folder}/_referrers"
        self._scratch = scratch
        self.attributes = AttributeStore(f"{folder}/_attributes", scratch)
        self.pushes = 0
        """Counts manifests and tags that were written: what was read at another count may be over."""
        self.removals = 0
        self.protected: tuple[tuple[int, int], dict[Digest, str]] | None = None
        """What `protection` found to be protected, and at which counts of pushes and of changed attributes."""

    def exists(self) -> bool:
        """Whether anything was ever pushed here, and not only to repositories below this name."""
        return os.path.isdir(self._blobs) or os.path.isdir(self._manifests)  # noqa: PTH112 (a hot path)

    def blob_link(self, digest: Digest) -> str:
        """The file whose presence says that a blob belongs here."""
        return _below(self._blobs, digest)

    def manifest_link(self, digest: Digest) -> str:
        """The same of a manifest."""
        return _below(self._manifests, digest)

    def has_blob(self, digest: Digest) -> bool:
        return os.path.exists(_below(self._blobs, digest))  # noqa: PTH110 (a hot path)

    def link_blob(self, digest: Digest) -> None:
        path = Path(_below(self._blobs, digest))
        make_folders(path.parent)
        touch_file(path)

    def unlink_blob(self, digest: Digest) -> bool:
        return remove_file(Path(_below(self._blobs, digest)))

    def drop_blob(self, digest: Digest) -> None:
        """Like `unlink_blob`, without waiting for the disk: coming back after a power cut, the link does no harm."""
        Path(_below(self._blobs, digest)).unlink(missing_ok=True)

    def media_type(self, digest: Digest) -> str | None:
        """The type a manifest was pushed with, or None when there is no such manifest here."""
        return _read(_below(self._manifests, digest))

    def has_manifest(self, digest: Digest) -> bool:
        return os.path.exists(_below(self._manifests, digest))  # noqa: PTH110 (a hot path)

    def link_manifest(self, digest: Digest, media_type: str, subject: Digest | None, referrer: dict[str, Any]) -> None:
        if subject is not None:
            attached = self._attached(subject, digest)
            make_folders(attached.parent)
            write_file(attached, json.dumps(referrer, separators=(",", ":")).encode(), self._scratch)
        known = self.media_type(digest)
        if known == media_type:
            return
        path = Path(_below(self._manifests, digest))
        if known is None:
            self.attributes.remove(of_manifest(digest))
        else:
            self.attributes.keep_created(of_manifest(digest), path.stat().st_mtime_ns)
        make_folders(path.parent)
        write_file(path, media_type.encode(), self._scratch)
        _stamp(path)
        self.pushes += 1

    def unlink_manifest(self, digest: Digest, subject: Digest | None) -> bool:
        """Remove a manifest with every tag that points to it; False when there was none."""
        if self.media_type(digest) is None:
            return False
        if (created := self.created()) is not None:
            self.attributes.keep_created(REPOSITORY, created)
        tags = [tag for tag in self.tags() if self.resolve(tag) == digest]
        for tag in tags:
            self._tag(tag).unlink(missing_ok=True)
        if Path(self._tags).is_dir():
            sync_folder(self._tags)
        passing("tags-removed")
        for tag in tags:
            self.attributes.remove(of_tag(tag))
        remove_file(Path(_below(self._manifests, digest)))
        self.attributes.remove(of_manifest(digest))
        self.removals += 1
        if subject is not None and self._attached(subject, digest).exists():
            remove_file(self._attached(subject, digest))
        return True

    def manifests(self) -> Iterator[Digest]:
        return _digests(self._manifests)

    def blobs(self) -> Iterator[Digest]:
        return _digests(self._blobs)

    def tags(self) -> list[str]:
        """All tags in ASCII order."""
        try:
            return sorted(tag for tag in os.listdir(self._tags) if is_tag(tag))  # noqa: PTH208 (100,000 of them)
        except FileNotFoundError:
            return []

    def resolve(self, tag: str) -> Digest | None:
        """What a tag points to."""
        text = _read(f"{self._tags}/{tag}")
        return as_digest(text) if text is not None else None

    def set_tag(self, tag: str, digest: Digest) -> None:
        known = self.resolve(tag)
        if known == digest:
            return
        path = self._tag(tag)
        if known is None:
            self.attributes.remove(of_tag(tag))
        else:
            self.attributes.keep_created(of_tag(tag), path.stat().st_mtime_ns)
        make_folders(Path(self._tags))
        write_file(path, digest.encode(), self._scratch)
        _stamp(path)
        self.pushes += 1

    def remove_tag(self, tag: str) -> bool:
        removed = remove_file(self._tag(tag))
        self.removals += 1
        self.attributes.remove(of_tag(tag))
        return removed

    def referrers(self, subject: Digest) -> list[dict[str, Any]]:
        """Descriptors of the manifests here that name this subject, in the order of their digests."""
        folder = self._attached(subject, None)
        found: list[dict[str, Any]] = []
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            digest = as_digest(path.name.replace("-", ":", 1))
            text = _read(str(path))
            if digest is not None and text is not None and self.media_type(digest) is not None:
                found.append(json.loads(text))
        return found

    # Times, in nanoseconds since 1970. A file's own time says when it was written; what came before is in its record.

    def tag_times(self) -> dict[str, int]:
        """All tags, and when each was last moved."""
        return {name: moved for name, moved in _times(self._tags) if is_tag(name)}

    def manifest_times(self) -> dict[Digest, int]:
        """All manifests, and when each was last written."""
        found: dict[Digest, int] = {}
        for algorithm in ALGORITHMS:
            for name, written in _times(f"{self._manifests}/{algorithm}"):
                if (digest := as_digest(f"{algorithm}:{name}")) is not None:
                    found[digest] = written
        return found

    def tag_time(self, tag: str) -> int | None:
        """When a tag was last moved."""
        return _time(f"{self._tags}/{tag}")

    def manifest_time(self, digest: Digest) -> int | None:
        """When a manifest was last written."""
        return _time(_below(self._manifests, digest))

    def created(self) -> int | None:
        """When the first manifest was pushed here; None when none is here and none was deleted."""
        known = self.attributes.read(REPOSITORY).created
        if known is not None:
            return known
        earlier = dict(self.attributes.manifests())
        times = [
            record.created if (record := earlier.get(digest)) is not None and record.created is not None else written
            for digest, written in self.manifest_times().items()
        ]
        return min(times, default=None)

    def updated(self) -> int | None:
        """When a tag or manifest was last added, moved or removed."""
        folders = [self._tags, *(f"{self._manifests}/{algorithm}" for algorithm in ALGORITHMS)]
        changed = [os.stat(folder).st_mtime_ns for folder in folders if os.path.isdir(folder)]  # noqa: PTH112, PTH116
        return max(changed, default=None)

    def leftovers(self) -> list[Path]:
        """What a crash between two steps leaves: referrers' descriptors and tags without their manifest. They count for nothing."""
        found = [
            path
            for path in Path(self._referrers).glob("*/*/*")
            if (digest := as_digest(path.name.replace("-", ":", 1))) is None or not self.has_manifest(digest)
        ]
        for tag in self.tags():
            digest = self.resolve(tag)
            if digest is None or not self.has_manifest(digest):
                found.append(self._tag(tag))
        return found

    def _tag(self, tag: str) -> Path:
        return Path(f"{self._tags}/{tag}")

    def _attached(self, subject: Digest, digest: Digest | None) -> Path:
        folder = Path(_below(self._referrers, subject))
        return folder if digest is None else folder / digest.replace(":", "-")


def _below(folder: str, digest: Digest) -> str:
    algorithm, encoded = split_digest(digest)
    return f"{folder}/{algorithm}/{encoded}"


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123 (a hot path)
            return file.read()
    except FileNotFoundError:
        return None


def _times(folder: str) -> Iterator[tuple[str, int]]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        try:
            yield entry.name, entry.stat().st_mtime_ns
        except FileNotFoundError:
            continue


def _time(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 (100,000 of them)
    except FileNotFoundError:
        return None


def _stamp(path: Path) -> None:
    """Give a file just written a time finer than the kernel's tick, so that the order of two is never in doubt.

    Not synced: a power cut leaves the kernel's own, which is a few milliseconds less exact.
    """
    now = time.time_ns()
    for each in (path, path.parent):
        os.utime(each, ns=(now, now))


def _digests(folder: str) -> Iterator[Digest]:
    for algorithm in ALGORITHMS:
        try:
            names = sorted(os.listdir(f"{folder}/{algorithm}"))  # noqa: PTH208 (100,000 of them)
        except FileNotFoundError:
            continue
        for name in names:
            if (digest := as_digest(f"{algorithm}:{name}")) is not None:
                yield digest
