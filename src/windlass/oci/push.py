"""From an image layout to a registry: nothing is sent that is there, and nobody sees a half-published image.

Order: blobs, manifests of the platforms, the index by digest, tags last. Until the last step no name points at any of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar

from windlass.errors import CredentialsMissing, WindlassError
from windlass.model.artifacts import LayoutImage
from windlass.oci import reference as references
from windlass.oci.client import RegistryClient
from windlass.oci.faults import InvalidReference, NotFound, Rejected
from windlass.oci.interface import Progress
from windlass.oci.layout import Layout, Stored, blobs_of
from windlass.oci.manifest import Descriptor
from windlass.oci.upload import Source, file_source

PARALLEL = 6
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did. `uploaded_bytes` counts blobs only; `mounted` and `present` count blobs taken from another
    repository of the registry and blobs that were there (all of them, where the image itself was)."""

    digest: str
    uploaded_bytes: int = 0
    mounted: int = 0
    present: int = 0


def push(
    image: LayoutImage,
    client: RegistryClient,
    repository: str,
    tags: Sequence[str] = (),
    *,
    mount_from: Sequence[str] = (),
    progress: Progress | None = None,
    whole: bool | None = None,
) -> Pushed:
    """Publish an image with all its platforms.

    An image whose index is already there costs one request, and one for each tag.

    Args:
        mount_from: repositories of the same registry that may hold some of the layers.
        whole: whether the image is there with all it needs, where the caller knows; otherwise its index is asked for.
            False sends every manifest again, and blobs that are not there.

    Raises:
        NotFound, Malformed: the layout lacks something, or is damaged.
        RegistryUnavailable, CredentialsMissing, Rejected
    """
    check_tags(tags)
    layout = Layout(image.layout)
    root = layout.read(image.digest)
    if whole is None:
        whole = client.head_manifest(repository, image.digest) is not None
    if whole:
        done = Pushed(image.digest, present=len(layout.blobs(image.digest)))
    else:
        done = transfer(
            layout.manifests(image.digest),
            lambda blob: file_source(layout.blob(blob.digest)),
            client,
            repository,
            mount_from=mount_from,
            progress=progress,
        )
    point(client, repository, root, tags)
    return done


def transfer(
    stored: Sequence[Stored],
    source: Callable[[Descriptor], Source],
    client: RegistryClient,
    repository: str,
    *,
    mount_from: Sequence[str] = (),
    progress: Progress | None = None,
) -> Pushed:
    """Bring manifests (children before what names them) and their blobs into a repository, by digest.

    A child manifest that is there vouches for its blobs only if those are there too: each is asked for.
    """
    blobs = blobs_of(tuple(stored))
    with ThreadPoolExecutor(PARALLEL, thread_name_prefix="windlass-push") as pool:
        there = gather(pool, lambda blob: client.head_blob(repository, blob.digest) is not None, blobs)
        missing = [blob for blob, known in zip(blobs, there, strict=True) if not known]
        tally = _Tally(sum(blob.size for blob in missing), progress)
        # The largest first: they decide when the last one is through.
        missing.sort(key=lambda blob: -blob.size)
        sources = [other for other in mount_from if other != repository]

        def bring(blob: Descriptor) -> bool:
            if tally.stopped:
                return False
            origin = _holder(client, sources, blob)
            return client.upload(repository, blob, source(blob), mount_from=origin, sent=tally.sent)

        try:
            uploaded = gather(pool, bring, missing)
            # Nested indexes name manifests that come before them, so levels go one after another.
            for level in _levels(stored[:-1]):
                gather(pool, lambda one: _put(client, repository, one), level)
        except BaseException:
            tally.stopped = True
            raise
    _put(client, repository, stored[-1])
    return Pushed(
        stored[-1].descriptor.digest,
        sum(blob.size for blob, sent in zip(missing, uploaded, strict=True) if sent),
        uploaded.count(False),
        len(blobs) - len(missing),
    )


def point(client: RegistryClient, repository: str, stored: Stored, tags: Iterable[str]) -> None:
    """Put the same bytes under some tags. A locked tag that points there already is left as it is."""
    digest = stored.descriptor.digest
    for tag in dict.fromkeys(tags):
        try:
            client.put_manifest(repository, tag, stored.body, stored.descriptor.media_type)
        except (CredentialsMissing, Rejected) as error:
            if not _points_at(client, repository, tag, digest):
                raise error


def check_tags(tags: Iterable[str]) -> None:
    """Raises InvalidReference for the first that is no tag: before anything is sent."""
    for tag in tags:
        if not references.is_tag(tag):
            raise InvalidReference(
                f"'{tag[:80]}' is not a tag", remedy="a tag has up to 128 letters, digits, '_', '.' and '-'"
            )


def gather(pool: ThreadPoolExecutor, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Do some work for each item in parallel, results in order. The first failure cancels what has not begun."""
    futures = [pool.submit(work, item) for item in items]
    try:
        wait(futures, return_when=FIRST_EXCEPTION)
        for future in futures:
            if future.done() and not future.cancelled() and (error := future.exception()):
                raise error
        return [future.result() for future in futures]
    finally:
        for future in futures:
            future.cancel()


def _holder(client: RegistryClient, repositories: Sequence[str], blob: Descriptor) -> str | None:
    """The first repository that has a blob. Asked first, because a mount that fails opens an upload session."""
    for repository in repositories:
        try:
            if client.head_blob(repository, blob.digest) is not None:
                return repository
        except (CredentialsMissing, NotFound, Rejected):
            continue  # a mount is a shortcut; an upload does it too
    return None


def _levels(stored: Sequence[Stored]) -> list[list[Stored]]:
    images = [one for one in stored if not one.descriptor.is_index]
    return [images, *([one] for one in stored if one.descriptor.is_index)]


def _put(client: RegistryClient, repository: str, one: Stored) -> None:
    client.put_manifest(repository, one.descriptor.digest, one.body, one.descriptor.media_type)


def _points_at(client: RegistryClient, repository: str, tag: str, digest: str) -> bool:
    try:
        found = client.head_manifest(repository, tag)
    except WindlassError:
        return False
    return found is not None and found.digest == digest


class _Stopped(Exception):
    """Ends an upload from within, because another one failed."""


class _Tally:
    """Adds up what several threads send."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._progress = progress
        self._done = 0
        self._guard = threading.Lock()
        self.stopped = False

    def sent(self, count: int) -> None:
        if self.stopped:
            raise _Stopped
        if self._progress is None:
            return
        with self._guard:
            self._done += count
            self._progress(self._done, self._total)
