"""Within and between registries: new tags for an image that is there, and the same image somewhere else."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from windlass.oci.client import RegistryClient
from windlass.oci.interface import Progress
from windlass.oci.layout import Stored
from windlass.oci.manifest import Index
from windlass.oci.push import PARALLEL, Pushed, check_tags, gather, point
from windlass.oci.referrers import Followed, copy_referrers
from windlass.oci.relay import Place, bring, manifests_of, send


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy did. `uploaded_bytes` counts blobs; `mounted` and `present` count blobs taken from another repository
    of the registry and blobs that were there; `referrers` counts what came along because it refers to the image.
    `platforms` are those of the image, in the order of its index; empty for an image that is a single manifest."""

    digest: str
    platforms: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    uploaded_bytes: int = 0
    mounted: int = 0
    present: int = 0
    referrers: int = 0


def tag(client: RegistryClient, repository: str, digest: str, tags: Sequence[str]) -> tuple[str, ...]:
    """Give an image more tags: the same manifest, so an index stays whole with all its platforms.

    Returns:
        The tags that had to be set; those that pointed there already are left alone.

    Raises:
        NotFound: no such image in the repository.
        RegistryUnavailable, CredentialsMissing, Rejected
    """
    check_tags(tags)
    names = tuple(dict.fromkeys(tags))
    if not names:
        return ()
    with ThreadPoolExecutor(min(PARALLEL, len(names)), thread_name_prefix="windlass-tag") as pool:
        now = gather(pool, lambda name: client.head_manifest(repository, name), names)
    wrong = tuple(name for name, found in zip(names, now, strict=True) if found is None or found.digest != digest)
    if wrong:
        point(client, repository, client.get_manifest(repository, digest), wrong)
    return wrong


def copy_image(
    origin: Place,
    pointer: str,
    target: Place,
    tags: Sequence[str] = (),
    *,
    referrers: bool = True,
    progress: Progress | None = None,
) -> Copied:
    """Bring an image with all its platforms, and what refers to it, to another repository of any registry; tags last.

    Everything goes by digest, and what is there is not sent again: a copy that was broken off goes on where it was.
    Within one repository this is one read and one write a tag.

    Args:
        pointer: a tag or digest in `origin`.
        tags: what the copy is to be called; without one it is there by digest.
        referrers: also bring signatures, SBOMs and reports, of the image and of each platform's.

    Raises:
        NotFound: no such image, or it lacks a platform that its index names: half an image is not copied.
        RegistryUnavailable, CredentialsMissing, Rejected, Malformed, InvalidReference
    """
    check_tags(tags)
    names = tuple(dict.fromkeys(tags))
    root = origin.client.get_manifest(origin.repository, pointer)
    platforms = _platforms(root)
    if origin.same(target):
        point(target.client, target.repository, root, names)
        return Copied(root.descriptor.digest, platforms, names)
    stored = manifests_of(origin.client, origin.repository, root.descriptor.digest, root)
    done = bring(stored, origin, target, progress)
    followers = copy_referrers([one.descriptor for one in stored], origin, target) if referrers else Followed()
    point(target.client, target.repository, root, names)
    return Copied(
        done.digest,
        platforms,
        names,
        done.uploaded_bytes + followers.uploaded_bytes,
        done.mounted,
        done.present,
        followers.count,
    )


def copy_between(
    origin: RegistryClient,
    origin_repository: str,
    digest: str,
    target: RegistryClient,
    repository: str,
    *,
    progress: Progress | None = None,
) -> Pushed:
    """Bring an image with all its platforms from one repository into another, of the same registry or not.

    Content streams through without touching the disk; within one registry blobs are mounted. Tags are not copied.

    Raises:
        NotFound: no such image.
        RegistryUnavailable, CredentialsMissing, Rejected, Malformed
    """
    if target.head_manifest(repository, digest) is not None:
        return Pushed(digest)
    stored = manifests_of(origin, origin_repository, digest)
    return send(stored, Place(origin, origin_repository), Place(target, repository), progress)


def _platforms(root: Stored) -> tuple[str, ...]:
    """The platforms an index names; `unknown/unknown` is how BuildKit labels attestations."""
    if not isinstance(root.content, Index):
        return ()
    named = [str(child.platform) for child in root.content.manifests if child.platform is not None]
    return tuple(dict.fromkeys(name for name in named if name and not name.startswith("unknown")))
