"""Azure's own lists (`/acr/v1`), which ACR and Windlass's own registry have: times, locks, what has no tag; and taking off
a tag alone. Source: the Azure Container Registry data plane API, version 2021-07-01."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from windlass.errors import CredentialsMissing, RegistryUnavailable
from windlass.oci import digest as digests
from windlass.oci import reference as references
from windlass.oci.client import RegistryClient
from windlass.oci.faults import Malformed, NotFound, Rejected
from windlass.registry.retention.ages import parse_time
from windlass.registry.retention.model import Tag

_LIMIT = 64 * 1024 * 1024
_PAGE, _AZURE_PAGE = 1000, 100


@dataclass(frozen=True, slots=True)
class Listed:
    """A manifest as the list has it."""

    digest: str
    media_type: str
    pushed: float | None
    locked: bool
    tags: tuple[str, ...] = ()


class AzureLists:
    """One registry's lists. `clock` is its time when it last answered, seconds since 1970."""

    def __init__(self, client: RegistryClient) -> None:
        self._session = client.session  # the same connection, and the same login
        self.host = client.host
        self.sure = client.host.endswith(".azurecr.io")
        self.clock: float | None = None

    def known(self, repository: str) -> bool:
        """Whether there are lists for a repository: False where the registry has none at all, or not this repository.

        Raises:
            RegistryUnavailable, CredentialsMissing: of ACR only; any other registry may answer such a path as it likes.
        """
        try:
            self._get(f"/acr/v1/{repository}/_tags?n=1", repository)
        except NotFound:
            return False
        except (RegistryUnavailable, CredentialsMissing, Rejected, Malformed):
            if self.sure or self._session.auth.azure:
                raise
            return False
        return True

    def locked(self, repository: str) -> bool:
        return _locked(self._get(f"/acr/v1/{repository}", repository))

    def tags(self, repository: str) -> Iterator[Tag]:
        for one in self._list(repository, "tags"):
            name, digest = one.get("name"), one.get("digest")
            if isinstance(name, str) and references.is_tag(name) and isinstance(digest, str):
                yield Tag(name, digest, _pushed(one), _locked(one))

    def manifests(self, repository: str) -> Iterator[Listed]:
        for one in self._list(repository, "manifests"):
            yield _listed(one, self.host)

    def manifest(self, repository: str, digest: str) -> Listed | None:
        """How a manifest stands at this moment; None when it is gone."""
        try:
            document = self._get(f"/acr/v1/{repository}/_manifests/{digest}", repository)
        except NotFound:
            return None
        return _listed(document.get("manifest"), self.host)

    def untag(self, repository: str, tag: str) -> bool:
        """Take a tag off and leave its manifest; False when it was not there."""
        scopes = (f"repository:{repository}:delete,metadata_write",)
        try:
            path = f"/acr/v1/{repository}/_tags/{tag}"
            self._session.request("DELETE", path, scopes=scopes, expect=(202, 200, 204)).drop()
        except NotFound:
            return False
        return True

    def _list(self, repository: str, kind: str) -> Iterator[Mapping[str, Any]]:
        path = f"/acr/v1/{repository}/_{kind}"
        seen: set[str] = set()
        following: str | None = f"{path}?n={_AZURE_PAGE if self.sure else _PAGE}"
        while following is not None:
            if following in seen:
                raise Malformed("the registry's pages go in circles", where=self.host)
            seen.add(following)
            document = self._get(following, repository)
            entries = document.get(kind)
            if not isinstance(entries, list) and entries is not None:
                raise Malformed(f"the list of {kind} is not a list", where=self.host)
            yield from (one for one in entries or () if isinstance(one, dict))
            following = _next(self._link, path)

    def _get(self, path: str, repository: str) -> dict[str, Any]:
        scopes = (f"repository:{repository}:metadata_read",)
        answer, body = self._session.fetch(path, _LIMIT, scopes=scopes)
        self._link = answer.headers.get("link", "")
        self.clock = _date(answer.headers.get("date")) or self.clock
        try:
            document = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise self._session.unlike(answer, "something that is not JSON") from error
        if not isinstance(document, dict):
            raise self._session.unlike(answer, "no JSON object")
        return document


def _listed(one: object, host: str) -> Listed:
    """Raises Malformed: what cannot be told from others must not be passed over."""
    if not isinstance(one, dict):
        raise Malformed("a listed manifest is not an object", where=host)
    digest = digests.require(one.get("digest"), host)
    media_type, tags = one.get("mediaType"), one.get("tags")
    names = tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()
    return Listed(digest, media_type if isinstance(media_type, str) else "", _pushed(one), _locked(one), names)


def _pushed(one: Mapping[str, Any]) -> float | None:
    """When something was pushed last; creation is a lower bound."""
    found = [parse_time(one.get(key)) for key in ("createdTime", "lastUpdateTime")]
    return max((time for time in found if time is not None), default=None)


def _locked(one: Mapping[str, Any]) -> bool:
    """Either attribute forbids deletion ("Lock a container image in an Azure container registry")."""
    attributes = one.get("changeableAttributes")
    if not isinstance(attributes, dict):
        return False
    return attributes.get("deleteEnabled") is False or attributes.get("writeEnabled") is False


def _next(link: str, path: str) -> str | None:
    """The next page; always of the same list, whatever host or path the registry thinks it has."""
    for part in link.split(","):
        target, _, parameters = part.strip().partition(">")
        if target.startswith("<") and "next" in parameters:
            return f"{path}?{urlsplit(target[1:]).query}"
    return None


def _date(value: str | None) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp() if value else None
    except (TypeError, ValueError, OverflowError):
        return None
