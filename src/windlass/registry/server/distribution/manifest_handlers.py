"""Manifests, tags, the catalog and referrers ("Pulling manifests", "Pushing Manifests", "Content Discovery")."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

import windlass
from windlass.registry.server.access.caller import repository_scope
from windlass.registry.server.access.interface import Access
from windlass.registry.server.access.open import OpenAccess
from windlass.registry.server.listen import IDENTITY
from windlass.registry.server.names import Digest, as_digest, is_name, is_tag
from windlass.registry.server.problems import Problem, manifest_invalid, manifest_unknown, name_invalid, unsupported
from windlass.registry.server.storage.manifests import MANIFEST_LIMIT, OCI_INDEX
from windlass.registry.server.storage.storage import Storage
from windlass.registry.server.wire import (
    JSON,
    Reply,
    Request,
    check_reference,
    need_digest,
    next_link,
    page,
    page_size,
    read_body,
)

T = TypeVar("T")

_TAG_PAGE = 100_000
_CATALOG_PAGE = 10_000
_REFERRERS_PAGE = 1_000
_REFERRERS_BYTES = MANIFEST_LIMIT
_TAGS_A_REQUEST = 100


class ManifestHandlers:
    def __init__(self, storage: Storage, pool: Executor, access: Access | None = None) -> None:
        self._storage = storage
        self._pool = pool
        self._access = access or OpenAccess()

    async def manifest(self, request: Request, name: str, item: str) -> Reply:
        check_reference(item) if request.method == "PUT" else _known_shape(item)
        if request.method in ("GET", "HEAD"):
            return self.pull(name, item)
        if request.method == "PUT":
            return await self._put(request, name, item)
        if request.method == "DELETE":
            return await self._delete(name, item)
        raise unsupported(request.method)

    def pull(self, name: str, reference: str) -> Reply:
        """A manifest exactly as it was pushed, whatever the client says it accepts."""
        found = self._storage.manifest(name, reference)
        headers = (
            ("content-type", found.media_type),
            ("docker-content-digest", found.digest),
            ("etag", f'"{found.digest}"'),
        )
        return Reply(200, headers, found.data)

    async def tags(self, request: Request, name: str) -> Reply:
        _only_read(request)
        listed = await self._blocking(lambda: self._storage.listed_tags(name))
        tags, last = page(listed, request.query, _TAG_PAGE)
        link = (next_link(f"/v2/{name}/tags/list", n=len(tags), last=last),) if last is not None else ()
        return _json({"name": name, "tags": tags}, (IDENTITY, windlass.__version__), *link)

    async def whole(self, request: Request) -> Reply:
        """POST `{"images": [[repository, digest], …]}`: which of them can be pulled, as `{"whole": [true, …]}`.

        For Windlass itself, which would ask for every manifest of hundreds of images one by one otherwise. What the caller
        may not pull looks as if it were not there. Every blob must be there too: a push repairs what is missing.
        """
        if request.method != "POST":
            raise unsupported(request.method)
        images = _images(await read_body(request, MANIFEST_LIMIT, "a list of images"))
        caller = request.caller
        seen = {name: caller.granted(name, "pull") for name, _ in images}
        self._access.require(request, (repository_scope(name, "pull") for name, granted in seen.items() if granted))
        found = await self._blocking(
            lambda: [seen[name] and self._storage.complete(name, digest) for name, digest in images]
        )
        return _json({"whole": found})

    async def catalog(self, request: Request) -> Reply:
        _only_read(request)
        names = await self._blocking(self._storage.listed)
        if self._access.enforced:
            names = [name for name in names if request.caller.granted(name, "pull")]
        names, last = page(names, request.query, _CATALOG_PAGE)
        link = (next_link("/v2/_catalog", n=len(names), last=last),) if last is not None else ()
        return _json({"repositories": names}, *link)

    async def referrers(self, request: Request, name: str, item: str) -> Reply:
        """The referrers of a subject, in pages by `n` and `last` (a digest), filtered by `artifactType`."""
        _only_read(request)
        subject = need_digest(item)
        found = await self._blocking(lambda: self._storage.referrers(name, subject))
        headers = []
        kind = request.query.get("artifactType")
        if kind is not None:
            found = [each for each in found if each.get("artifactType") == kind]
            headers.append(("oci-filters-applied", "artifactType"))
        if last := request.query.get("last"):
            found = [each for each in found if each["digest"] > last]
        limit = page_size(request.query, _REFERRERS_PAGE) or _REFERRERS_PAGE
        shown: list[dict[str, Any]] = []
        size = 0
        for each in found[:limit]:
            size += len(json.dumps(each))
            if shown and size > _REFERRERS_BYTES:
                break
            shown.append(each)
        if len(shown) < len(found):
            filters = {"artifactType": kind} if kind is not None else {}
            path = f"/v2/{name}/referrers/{item}"
            headers.append(next_link(path, n=limit, last=shown[-1]["digest"], **filters))
        body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": shown}
        return Reply(200, (("content-type", OCI_INDEX), *headers), json.dumps(body).encode())

    async def _put(self, request: Request, name: str, item: str) -> Reply:
        tags = request.query.all("tag")
        if len(tags) > _TAGS_A_REQUEST:
            raise Problem(414, "UNSUPPORTED", f"more than {_TAGS_A_REQUEST} tags in one request")
        if not all(is_tag(tag) for tag in tags):
            raise manifest_invalid("not a valid tag")
        if tags and as_digest(item) is None:
            raise manifest_invalid("tag parameters are for a push by digest")
        data = await read_body(request, MANIFEST_LIMIT, "a manifest")
        content_type = request.headers.get("content-type")
        digest, manifest = await self._blocking(
            lambda: self._storage.put_manifest(name, item, data, content_type, tags)
        )
        headers = [("location", f"/v2/{name}/manifests/{digest}"), ("docker-content-digest", digest)]
        if manifest.subject is not None:
            headers.append(("oci-subject", manifest.subject))
        if tags:
            headers.append(("oci-tag", ", ".join(tags)))
        return Reply(201, tuple(headers))

    async def _delete(self, name: str, item: str) -> Reply:
        if (digest := as_digest(item)) is not None:
            await self._blocking(lambda: self._storage.delete_manifest(name, digest))
        else:
            await self._blocking(lambda: self._storage.delete_tag(name, item))
        return Reply(202)

    async def _blocking(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _images(body: bytes) -> list[tuple[str, Digest]]:
    """Raises Problem NAME_INVALID, DIGEST_INVALID, or 400 for anything else."""
    try:
        pairs = json.loads(body)["images"]
        listed = [(str(name), str(digest)) for name, digest in pairs]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Problem(400, "UNSUPPORTED", "not a list of images") from error
    for name, _ in listed:
        if not is_name(name):
            raise name_invalid(name)
    return [(name, need_digest(digest)) for name, digest in listed]


def _known_shape(item: str) -> None:
    """What is neither a tag nor a digest cannot be here: for reading and deleting that is a 404, or 400 for a bad digest."""
    if ":" in item:
        need_digest(item)
    elif not is_tag(item):
        raise manifest_unknown(item)


def _only_read(request: Request) -> None:
    if request.method not in ("GET", "HEAD"):
        raise unsupported(request.method)


def _json(document: object, *headers: tuple[str, str]) -> Reply:
    return Reply(200, (("content-type", JSON), *headers), json.dumps(document).encode())
