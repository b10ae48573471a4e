"""Read what a registry holds, through its API alone, whichever registry it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from windlass.oci import manifest as manifests
from windlass.oci import records
from windlass.oci.client import RegistryClient
from windlass.oci.faults import Malformed, NotFound, Rejected
from windlass.oci.manifest import Descriptor, Index
from windlass.oci.push import gather
from windlass.registry.retention.azure import AzureLists, Listed
from windlass.registry.retention.model import Inventory, Manifest, Part, Repository, Tag

_ALONE = (records.FINGERPRINT_TYPE, records.TEST_TYPE)
"""What nothing ever refers to."""


def survey(client: RegistryClient, repositories: Collection[str], *, parallel: int = 8) -> Inventory:
    """Read repositories (names without the host); those that do not exist are left out.

    One list of tags a repository, then each manifest once, several at a time. Registries with Azure's API (`/acr/v1`:
    ACR and Windlass's own) also tell times, locks and untagged manifests; others are asked once more for each manifest,
    what refers to it. Repositories are read in the order given.

    Raises:
        RegistryUnavailable, CredentialsMissing, Rejected
        Malformed: a list cannot be understood. A manifest that cannot is in the inventory, as damaged.
    """
    azure = AzureLists(client)
    found: list[Repository] = []
    with ThreadPoolExecutor(parallel, thread_name_prefix="windlass-survey") as pool:
        reader = _Reader(client, azure, pool)
        for name in dict.fromkeys(repositories):
            repository = reader.read(name)
            if repository is not None:
                found.append(repository)
    found.sort(key=lambda one: one.name)
    return Inventory(client.host, tuple(found), azure.clock, untags=reader.lists is True)


class _Reader:
    """`lists` says whether the registry has Azure's lists, once that is known."""

    def __init__(self, client: RegistryClient, azure: AzureLists, pool: ThreadPoolExecutor) -> None:
        self._client = client
        self._azure = azure
        self._pool = pool
        self._referrers: bool | None = None
        self.lists: bool | None = None

    def read(self, name: str) -> Repository | None:
        if self.lists is not False and self._azure.known(name):
            self.lists = True
            return self._listed(name)
        if self.lists:
            return None
        try:
            tags = sorted(set(self._client.tags(name)))
        except NotFound:
            return None
        self.lists = False
        return self._followed(name, tags)

    def _listed(self, name: str) -> Repository:
        """Tags before manifests: what is pushed in between is a manifest without a tag, which stays."""
        tags = tuple(sorted(self._azure.tags(name), key=lambda tag: tag.name))
        listed = {one.digest: one for one in self._azure.manifests(name)}
        found = gather(self._pool, lambda one: self._manifest(name, one), list(listed.values()))
        return Repository(name, tags, tuple(found), self._azure.locked(name), complete=True)

    def _followed(self, name: str, names: Sequence[str]) -> Repository:
        """From tags to manifests to their children and referrers, as far as they lead."""
        pointed = [one for one in gather(self._pool, lambda tag: self._tagged(name, tag), names) if one is not None]
        found = {manifest.digest: manifest for _, manifest in pointed if manifest is not None}
        fresh = list(found.values())
        while fresh:
            wanted = {child.digest: child.media_type for one in fresh for child in one.children if child.is_manifest}
            for descriptor in self._attached(name, fresh):
                wanted.setdefault(descriptor.digest, descriptor.media_type)
            missing = [Listed(digest, kind, None, False) for digest, kind in wanted.items() if digest not in found]
            fresh = [
                one
                for one in gather(self._pool, lambda one: self._manifest(name, one), missing)
                if one.damage != _ABSENT
            ]
            found |= {one.digest: one for one in fresh}
        return Repository(name, tuple(tag for tag, _ in pointed), tuple(found.values()))

    def _tagged(self, name: str, tag: str) -> tuple[Tag, Manifest | None] | None:
        """A tag with its manifest; None when it is gone meanwhile."""
        try:
            stored = self._client.get_manifest(name, tag)
            return Tag(tag, stored.descriptor.digest), _manifest(stored.descriptor, stored.content, None, False)
        except NotFound:
            return None
        except Malformed as error:
            reason = error.message
        try:
            descriptor = self._client.head_manifest(name, tag)
        except Malformed:
            descriptor = None
        if descriptor is None:
            return Tag(tag, ""), None
        return Tag(tag, descriptor.digest), _damaged(descriptor.digest, descriptor.media_type, reason)

    def _manifest(self, name: str, listed: Listed) -> Manifest:
        try:
            stored = self._client.get_manifest(name, listed.digest)
        except NotFound:
            return _damaged(listed.digest, listed.media_type, _ABSENT, listed.pushed, listed.locked)
        except (Malformed, Rejected) as error:
            return _damaged(listed.digest, listed.media_type, error.message, listed.pushed, listed.locked)
        return _manifest(stored.descriptor, stored.content, listed.pushed, listed.locked)

    def _attached(self, name: str, found: Iterable[Manifest]) -> list[Descriptor]:
        """What refers to manifests. Registries without that API keep it under tags, which are known already."""
        subjects = [one.digest for one in found if one.artifact_type not in _ALONE]
        if subjects and self._referrers is None:
            self._referrers = self._has_referrers(name, subjects[0])
        if not self._referrers:
            return []
        lists = gather(self._pool, lambda digest: self._client.referrers(name, digest), subjects)
        return [one for found in lists for one in found]

    def _has_referrers(self, name: str, digest: str) -> bool:
        """OCI Distribution 1.1, "Listing Referrers": who supports it answers 200, also where there are none."""
        scopes = (f"repository:{name}:pull",)
        try:
            answer, _ = self._client.session.fetch(f"/v2/{name}/referrers/{digest}", manifests.LARGEST, scopes=scopes)
        except (NotFound, Rejected):
            return False
        return answer.headers.get("content-type", "").startswith(manifests.OCI_INDEX)


_ABSENT = "it is not there"
_IMAGES = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")


def _manifest(descriptor: Descriptor, content: manifests.Content, pushed: float | None, locked: bool) -> Manifest:
    index = isinstance(content, Index)
    return Manifest(
        descriptor.digest,
        content.media_type,
        descriptor.size,
        tuple(_part(child) for child in content.manifests) if isinstance(content, Index) else (),
        None if isinstance(content, Index) else _part(content.config),
        () if isinstance(content, Index) else tuple(_part(layer) for layer in content.layers if not layer.urls),
        content.subject.digest if content.subject else None,
        content.artifact_type or ("" if index else _config_type(content)),
        tuple(content.annotations.items()),
        pushed,
        locked,
    )


def _config_type(content: manifests.Content) -> str:
    """Before OCI 1.1 the configuration's type told what an artifact is; that of an image tells nothing."""
    kind = "" if isinstance(content, Index) else content.config.media_type
    return "" if kind in _IMAGES else kind


def _part(descriptor: Descriptor) -> Part:
    platform = str(descriptor.platform) if descriptor.platform else ""
    return Part(descriptor.digest, descriptor.size, descriptor.media_type, platform)


def _damaged(digest: str, media_type: str, reason: str, pushed: float | None = None, locked: bool = False) -> Manifest:
    return Manifest(digest, media_type, 0, pushed=pushed, locked=locked, damage=reason)
