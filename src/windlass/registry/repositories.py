"""Repositories: small files that say what a name can see. Content itself is in the blob store.

    repositories/<name>/_blobs/<algorithm>/<hex>          empty: this blob may be pulled here
    repositories/<name>/_manifests/<algorithm>/<hex>      the media type: this manifest may be pulled here
    repositories/<name>/_tags/<tag>                       the digest it points to
    repositories/<name>/_referrers/<algorithm>/<hex of the subject>/<algorithm>-<hex>    a referrer's descriptor

A name's own parts never begin with an underscore, so the two cannot be confused. The file under `_manifests` is written
last and removed first: without it, a referrer's descriptor or a tag counts for nothing.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from windlass.registry.durable import make_folders, remove_file, sync_folder, touch_file, write_file
from windlass.registry.names import Digest, as_digest, is_tag, split_digest


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

    def exists(self) -> bool:
        """Whether anything was ever pushed here."""
        return self._folder.is_dir()

    def has_blob(self, digest: Digest) -> bool:
        return os.path.exists(_below(self._blobs, digest))  # noqa: PTH110 (a hot path)

    def link_blob(self, digest: Digest) -> None:
        path = Path(_below(self._blobs, digest))
        make_folders(path.parent)
        touch_file(path)

    def unlink_blob(self, digest: Digest) -> bool:
        return remove_file(Path(_below(self._blobs, digest)))

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
        if self.media_type(digest) == media_type:
            return
        path = Path(_below(self._manifests, digest))
        make_folders(path.parent)
        write_file(path, media_type.encode(), self._scratch)

    def unlink_manifest(self, digest: Digest, subject: Digest | None) -> bool:
        """Remove a manifest with every tag that points to it; False when there was none."""
        if self.media_type(digest) is None:
            return False
        for tag in [tag for tag in self.tags() if self.resolve(tag) == digest]:
            self._tag(tag).unlink(missing_ok=True)
        if Path(self._tags).is_dir():
            sync_folder(self._tags)
        remove_file(Path(_below(self._manifests, digest)))
        if subject is not None and self._attached(subject, digest).exists():
            remove_file(self._attached(subject, digest))
        return True

    def manifests(self) -> Iterator[Digest]:
        return _digests(Path(self._manifests))

    def blobs(self) -> Iterator[Digest]:
        return _digests(Path(self._blobs))

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

    def tagged_at(self, tag: str) -> float | None:
        """When the tag was last moved, in seconds since 1970."""
        try:
            return self._tag(tag).stat().st_mtime
        except FileNotFoundError:
            return None

    def set_tag(self, tag: str, digest: Digest) -> None:
        if self.resolve(tag) == digest:
            return
        make_folders(Path(self._tags))
        write_file(self._tag(tag), digest.encode(), self._scratch)

    def remove_tag(self, tag: str) -> bool:
        return remove_file(self._tag(tag))

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


def _digests(folder: Path) -> Iterator[Digest]:
    if not folder.is_dir():
        return
    for path in sorted(folder.glob("*/*")):
        if (digest := as_digest(f"{path.parent.name}:{path.name}")) is not None:
            yield digest
