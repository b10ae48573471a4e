"""The registry's storage as its handlers see it: blobs, uploads and repositories under one root.

Everything acknowledged is on disk before the call returns. A crash at any point leaves at worst an unused blob, an
unfinished upload or a link that counts for nothing; never a manifest without its content.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from windlass.registry.server.limits import Limits
from windlass.registry.server.names import Digest, as_digest, digest_of, is_name, split_digest
from windlass.registry.server.problems import Problem, blob_unknown, digest_invalid, manifest_unknown, name_unknown
from windlass.registry.server.storage.attributes import REPOSITORY
from windlass.registry.server.storage.blobs import BlobStore, is_intact
from windlass.registry.server.storage.crash import passing
from windlass.registry.server.storage.durable import make_folders
from windlass.registry.server.storage.manifests import Manifest, Needed, parse_manifest
from windlass.registry.server.storage.protection import (
    check_delete_blob,
    check_delete_manifest,
    check_delete_repository,
    check_delete_tag,
    check_pull,
    check_put,
    check_read,
)
from windlass.registry.server.storage.removal import clear_removed, remove_repository
from windlass.registry.server.storage.repositories import Repository
from windlass.registry.server.storage.uploads import Upload, Uploads
from windlass.registry.server.storage.wholeness import Wholeness

_KEPT = 16


@dataclass(frozen=True, slots=True)
class StoredManifest:
    digest: Digest
    media_type: str
    data: bytes


class Storage:
    """Thread-safe. One process at a time may use a root: see `root_lock.RootLock`."""

    def __init__(self, root: Path, limits: Limits | None = None) -> None:
        self.root = root
        self.blobs = BlobStore(root)
        self.uploads = Uploads(root, self.blobs, limits)
        self._wholeness = Wholeness(self.blobs)
        self._repositories: WeakValueDictionary[str, Repository] = WeakValueDictionary()
        self._guard = threading.Lock()
        self._kept: deque[Repository] = deque(maxlen=_KEPT)
        self.listeners: list[Callable[[str], None]] = []
        """Called with a repository's name after its tags or manifests changed, in the thread that changed them."""

    def prepare(self) -> None:
        """Create what is missing on disk, and clear what a crash left and expired uploads. The root's lock must be held.

        Raises:
            OSError: the disk is full or read-only.
        """
        make_folders(self.root)
        self.blobs.prepare()
        make_folders(self.root / "repositories")
        clear_removed(self.root)
        self.uploads.recover()
        self.uploads.expire()

    def repository(self, name: str) -> Repository:
        """The repository of a checked name; it need not exist yet. All who hold it share its lock; nobody else remembers it."""
        with self._guard:
            found = self._repositories.get(name)
            if found is None:
                folder = self.root / "repositories" / name
                found = self._repositories[name] = Repository(name, folder, self.root / "uploads")
            return found

    def known(self, name: str) -> Repository:
        """Raises Problem NAME_UNKNOWN for a repository nothing was ever pushed to."""
        repository = self.repository(name)
        if not repository.exists():
            raise name_unknown(name)
        return repository

    def listed(self) -> list[str]:
        """`names` without those that are not to be listed."""
        return [name for name in self.names() if self.repository(name).attributes.read(REPOSITORY).attributes.list]

    def listed_tags(self, name: str) -> list[str]:
        """Tags of a repository in ASCII order, without those that are not to be listed. Raises Problem NAME_UNKNOWN."""
        repository = self.known(name)
        hidden = {tag for tag, record in repository.attributes.tags() if not record.attributes.list}
        tags = repository.tags()
        return [tag for tag in tags if tag not in hidden] if hidden else tags

    def names(self) -> list[str]:
        """Repositories that hold a manifest, in ASCII order."""
        return [name for name in self.folders() if next(self.repository(name).manifests(), None) is not None]

    def folders(self) -> list[str]:
        """Repositories that anything was ever pushed to, in ASCII order."""
        base = self.root / "repositories"
        return sorted(_walk(base, "")) if base.is_dir() else []

    # Blobs

    def blob_size(self, name: str, digest: Digest) -> int:
        """Bytes of a blob that this repository may see, and that stays for a while (see `blobs`).

        Raises:
            Problem: BLOB_UNKNOWN.
        """
        repository = self.repository(name)
        check_pull(repository)
        size = self.blobs.use(digest) if repository.has_blob(digest) else None
        if size is None or not repository.has_blob(digest):  # a collection may have come between
            raise blob_unknown(digest)
        return size

    def mount(
        self, name: str, digest: Digest, source: str | None, may_read: Callable[[str], bool] = lambda name: True
    ) -> bool:
        """Make a blob of another repository visible here. False when there is none ("Mounting a blob from another repository").

        Args:
            source: the repository it is in; None for any that holds it ("automatic content discovery").
            may_read: whether the client may pull from a repository; only such ones are looked into.
        """
        with self.blobs.claim() as claim:
            if self.blobs.use(digest, claim) is None:
                return False
            sources = self.folders() if source is None else [source]
            if not any(self.repository(each).has_blob(digest) and may_read(each) for each in sources):
                return False
            self.repository(name).link_blob(digest)
            return True

    def finish_upload(self, name: str, upload: Upload, digest: Digest) -> None:
        """Raises Problem DIGEST_INVALID; the session ends either way."""
        with self.blobs.claim() as claim:
            self.uploads.finish(upload, digest, claim)
            passing("blob-stored")
            self.repository(name).link_blob(digest)

    def delete_blob(self, name: str, digest: Digest) -> None:
        repository = self.repository(name)
        with repository.lock:
            if not repository.has_blob(digest):
                raise blob_unknown(digest)
            check_delete_blob(repository, digest, self.blobs)
            repository.unlink_blob(digest)

    # Manifests

    def manifest(self, name: str, reference: str) -> StoredManifest:
        """A manifest by tag or digest.

        Raises:
            Problem: MANIFEST_UNKNOWN.
        """
        repository = self.repository(name)
        digest = as_digest(reference) if ":" in reference else repository.resolve(reference)
        media_type = repository.media_type(digest) if digest is not None else None
        data = self.blobs.read(digest) if digest is not None and media_type is not None else None
        if digest is None or media_type is None or data is None or not is_intact(data, digest):
            raise manifest_unknown(reference)
        check_read(repository, reference, digest)
        return StoredManifest(digest, media_type, data)

    def complete(self, name: str, digest: Digest) -> bool:
        """Whether an image is here down to the blobs of every platform, manifests undamaged. What blobs hold is not read."""
        return self._wholeness.holds(self.repository(name), digest)

    def put_manifest(
        self, name: str, reference: str, data: bytes, content_type: str | None, tags: Sequence[str] = ()
    ) -> tuple[Digest, Manifest]:
        """Store a manifest whose content is all here, then move the tags to it.

        Raises:
            Problem: MANIFEST_INVALID, MANIFEST_BLOB_UNKNOWN, DIGEST_INVALID.
        """
        wanted = as_digest(reference) if ":" in reference else None
        digest = digest_of(data, split_digest(wanted)[0] if wanted else "sha256")
        if wanted is not None and wanted != digest:
            raise digest_invalid(wanted, "provided digest did not match uploaded content")
        manifest = parse_manifest(data, content_type)
        repository = self.repository(name)
        with repository.lock, self.blobs.claim() as claim:
            self._require(repository, manifest, claim)
            moved = [*tags, *(() if wanted else (reference,))]
            check_put(repository, digest, manifest.media_type, moved)
            passing("manifest-checked")
            self.blobs.put(data, digest, claim)
            passing("manifest-stored")
            repository.link_manifest(
                digest, manifest.media_type, manifest.subject, manifest.referrer(digest, len(data))
            )
            passing("manifest-linked")
            for tag in moved:
                repository.set_tag(tag, digest)
        self.changed(name)
        return digest, manifest

    def _require(self, repository: Repository, manifest: Manifest, claim: set[Digest]) -> None:
        missing = [need.digest for need in manifest.blobs if not self._has(repository, need, False, claim)]
        missing += [need.digest for need in manifest.children if not self._has(repository, need, True, claim)]
        if missing:
            raise Problem(
                404,
                "MANIFEST_BLOB_UNKNOWN",
                "manifest references a manifest or blob unknown to registry",
                {"digests": missing[:100]},
            )

    def _has(self, repository: Repository, need: Needed, manifests: bool, claim: set[Digest]) -> bool:
        if self.blobs.use(need.digest, claim) != need.size:
            return False
        return repository.has_blob(need.digest) or (manifests and repository.has_manifest(need.digest))

    def delete_manifest(self, name: str, digest: Digest) -> None:
        """Remove a manifest and the tags that point to it. Its bytes stay until they are collected.

        Raises:
            Problem: MANIFEST_UNKNOWN.
        """
        repository = self.repository(name)
        with repository.lock:
            if not repository.has_manifest(digest):
                raise manifest_unknown(digest)
            self._keep(repository)
            check_delete_manifest(repository, digest, self.blobs)
            repository.unlink_manifest(digest, self._subject(repository, digest))
        self.changed(name)

    def _keep(self, repository: Repository) -> None:
        """Hold on to a repository that things are deleted from: who deletes one thing deletes many, and locks are read once."""
        if not self._kept or self._kept[-1] is not repository:
            self._kept.append(repository)

    def _subject(self, repository: Repository, digest: Digest) -> Digest | None:
        data, media_type = self.blobs.read(digest), repository.media_type(digest)
        try:
            return parse_manifest(data, media_type).subject if data is not None and media_type is not None else None
        except Problem:  # damaged: a collection finds what is left of it
            return None

    def delete_tag(self, name: str, tag: str) -> None:
        repository = self.repository(name)
        with repository.lock:
            if repository.resolve(tag) is None:
                raise manifest_unknown(tag)
            check_delete_tag(repository, tag)
            repository.remove_tag(tag)
        self.changed(name)

    def delete_repository(self, name: str) -> None:
        """Remove a repository with all its tags and manifests. Repositories below its name stay.

        Raises:
            Problem: NAME_UNKNOWN, or something in it is locked.
        """
        repository = self.known(name)
        with repository.lock:
            check_delete_repository(repository)
            remove_repository(self.root, self.root / "repositories" / name)
            repository.removals += 1
            repository.protected = None
        self.changed(name)

    def changed(self, name: str) -> None:
        """Tell the listeners; for whoever changes a repository's content in another way than through this class."""
        for listener in self.listeners:
            listener(name)

    def referrers(self, name: str, subject: Digest) -> list[dict[str, Any]]:
        return self.repository(name).referrers(subject)


def _walk(folder: Path, prefix: str) -> Iterator[str]:
    """Names of all folders that hold a repository, also those that hold others below them."""
    own = False
    for entry in os.scandir(folder):
        if entry.name.startswith("_"):
            own = True
        elif entry.is_dir():
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/")
    if own and is_name(prefix[:-1]):
        yield prefix[:-1]
