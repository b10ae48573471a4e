"""What has changed in a repository since it was surveyed: tags that moved, images that are new and share manifests."""

from __future__ import annotations

from windlass.oci.client import RegistryClient
from windlass.oci.faults import Malformed, NotFound
from windlass.oci.manifest import Index
from windlass.registry.retention.azure import AzureLists
from windlass.registry.retention.graph import Graph


class Meanwhile:
    """Looks again at one repository.

    Args:
        graph: how it was.
        lists: whether the registry has Azure's lists.
    """

    def __init__(self, client: RegistryClient, graph: Graph, lists: bool) -> None:
        self._client = client
        self._graph = graph
        self._name = graph.repository.name
        self._azure = AzureLists(client) if lists else None
        self._tags = {tag.name: tag.digest for tag in graph.repository.tags}
        self._needed: dict[str, str] = {}
        self._seen: set[str] = set()

    def look(self) -> None:
        """Find tags and manifests that were not there; what they need is needed from now on.

        Raises:
            RegistryUnavailable, CredentialsMissing, Rejected, Malformed
        """
        for tag, digest in self._current():
            if self._tags.get(tag) != digest:
                self._need(digest, f"{tag} was pointed at it since" if tag in self._tags else f"tagged {tag} since")
        if self._azure is not None:
            for listed in self._azure.manifests(self._name):
                if listed.digest not in self._graph.manifests:
                    self._need(listed.digest, f"{listed.digest.partition(':')[2][:12]} was pushed since and needs it")

    def manifest_changed(self, digest: str) -> str | None:
        """Why a manifest must not go any more; None when all is as it was."""
        if digest in self._needed:
            return self._needed[digest]
        planned = {tag.name for tag in self._graph.tags.get(digest, ())}
        if self._azure is not None:
            listed = self._azure.manifest(self._name, digest)
            if listed is None:
                return None
            if listed.locked:
                return "locked since"
            for tag in listed.tags:
                if tag not in planned:
                    return f"tagged {tag} since"
        for tag in sorted(planned):
            if (moved := self.tag_moved(tag, digest)) is not None:
                return moved
        return None

    def tag_moved(self, tag: str, digest: str) -> str | None:
        """Whether a tag points elsewhere by now; one that is gone does not."""
        found = self._client.head_manifest(self._name, tag)
        return f"{tag} was moved since" if found is not None and found.digest != digest else None

    def untag(self, tag: str) -> None:
        if self._azure is not None:
            self._azure.untag(self._name, tag)

    def _current(self) -> list[tuple[str, str]]:
        if self._azure is not None:
            return [(tag.name, tag.digest) for tag in self._azure.tags(self._name)]
        try:
            fresh = [tag for tag in self._client.tags(self._name) if tag not in self._tags]
        except NotFound:
            return []
        heads = [(tag, self._client.head_manifest(self._name, tag)) for tag in fresh]
        return [(tag, head.digest) for tag, head in heads if head is not None]

    def _need(self, digest: str, why: str) -> None:
        """A manifest that is needed now, with its children and what it refers to; what referred to it stays with it."""
        waiting = [digest]
        while waiting:
            one = waiting.pop()
            if one in self._seen:
                continue
            self._seen.add(one)
            self._needed.setdefault(one, why)
            if one in self._graph.manifests:
                waiting += self._graph.closure_of(one)
                continue
            try:
                content = self._client.get_manifest(self._name, one).content
            except (NotFound, Malformed):
                continue
            waiting += [child.digest for child in content.manifests] if isinstance(content, Index) else []
            waiting += [content.subject.digest] if content.subject else []
