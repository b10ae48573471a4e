"""What refers to an image travels with it: signatures, SBOMs, reports.

Two ways are in use. The standard one is a manifest with a `subject` (OCI distribution specification 1.1, "Listing
Referrers"); a registry that does not keep the list itself has it under a tag that the client maintains ("Referrers Tag
Schema"). The older one, which cosign still has by default, are tags named after the image's digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from windlass.oci import manifest as manifests
from windlass.oci.faults import Rejected
from windlass.oci.layout import Stored
from windlass.oci.manifest import Descriptor
from windlass.oci.push import PARALLEL, gather, point
from windlass.oci.relay import Place, bring, manifests_of

_OLDER = ("sig", "att", "sbom")
_DEEPEST = 4  # a signature of an SBOM of an image


@dataclass(frozen=True, slots=True)
class Followed:
    """`count` manifests that refer to the image are in the target now; `uploaded_bytes` of blobs were sent for them."""

    count: int = 0
    uploaded_bytes: int = 0


def copy_referrers(subjects: Sequence[Descriptor], origin: Place, target: Place) -> Followed:
    """Bring everything that refers to some manifests, and what refers to that in turn.

    Raises:
        NotFound, RegistryUnavailable, CredentialsMissing, Rejected, Malformed
    """
    count = sent = 0
    seen = {subject.digest for subject in subjects}
    level = list(subjects)
    for _ in range(_DEEPEST):
        following: list[Descriptor] = []
        for subject, found in zip(level, _listed(level, origin), strict=True):
            for one in found:
                if one.digest not in seen:
                    seen.add(one.digest)
                    following.append(one)
                    stored = manifests_of(origin.client, origin.repository, one.digest)
                    sent += bring(stored, origin, target).uploaded_bytes
            if found:
                _list_in(target, subject, found)
        for name, root in _older(level, origin):
            stored = manifests_of(origin.client, origin.repository, root.descriptor.digest, root)
            sent += bring(stored, origin, target).uploaded_bytes
            point(target.client, target.repository, root, (name,))
            count += 1
        count += len(following)
        level = following
        if not level:
            break
    return Followed(count, sent)


def fallback_tag(digest: str) -> str:
    """Where referrers are listed in a registry that does not list them by itself ("Referrers Tag Schema")."""
    algorithm, _, value = digest.partition(":")
    return f"{algorithm[:32]}-{value[:64]}"


def _listed(subjects: Sequence[Descriptor], origin: Place) -> list[tuple[Descriptor, ...]]:
    with ThreadPoolExecutor(PARALLEL, thread_name_prefix="windlass-referrers") as pool:
        return gather(pool, lambda one: _ask(one, origin), subjects)


def _ask(subject: Descriptor, origin: Place) -> tuple[Descriptor, ...]:
    try:
        return origin.client.referrers(origin.repository, subject.digest)
    except Rejected:
        return ()  # a registry that knows the path for nothing (405, 400): it holds no referrers


def _older(subjects: Sequence[Descriptor], origin: Place) -> list[tuple[str, Stored]]:
    """Tags such as `sha256-….sig`, with what they point at."""
    names = [f"{one.digest.replace(':', '-')}.{kind}" for one in subjects for kind in _OLDER]
    names = [name for name in names if len(name) <= 128]
    with ThreadPoolExecutor(PARALLEL, thread_name_prefix="windlass-referrers") as pool:
        there = gather(pool, lambda name: origin.client.head_manifest(origin.repository, name), names)
    return [
        (name, origin.client.get_manifest(origin.repository, name))
        for name, found in zip(names, there, strict=True)
        if found is not None
    ]


def _list_in(target: Place, subject: Descriptor, found: Iterable[Descriptor]) -> None:
    """See to it that the target lists what was brought: most registries do so by themselves."""
    known = _ask(subject, target)
    missing = [one for one in found if one.digest not in {each.digest for each in known}]
    if not missing:
        return
    document = {
        "schemaVersion": 2,
        "mediaType": manifests.OCI_INDEX,
        "manifests": [manifests.to_document(one) for one in (*known, *missing)],
    }
    tag = fallback_tag(subject.digest)
    target.client.put_manifest(target.repository, tag, manifests.canonical(document), manifests.OCI_INDEX)
