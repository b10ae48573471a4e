"""`/acr/v1/…`: the catalog, repositories, tags, manifests, and their attributes."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from windlass.registry.server.access.caller import CATALOG, Caller
from windlass.registry.server.acr.documents import (
    manifest_document,
    of_repository,
    read_change,
    repository_document,
    tag_document,
)
from windlass.registry.server.acr.listing import link, page_of_names, page_of_times, path_of, read_paging
from windlass.registry.server.acr.metadata import Metadata
from windlass.registry.server.acr.paths import Place, check_method, needed_scope, read_path, tag_unknown
from windlass.registry.server.interface import Services
from windlass.registry.server.names import Digest
from windlass.registry.server.problems import manifest_unknown
from windlass.registry.server.storage.attributes import REPOSITORY, of_manifest, of_tag
from windlass.registry.server.wire import JSON, Reply, Request, need_digest, read_body

T = TypeVar("T")

_BODY_LIMIT = 64 * 1024
_KEPT = 8
"""Repositories whose lists are kept in memory: about 20 MB for each with 100,000 tags."""


class AcrApi:
    """Answers every path that begins with `/acr/`."""

    def __init__(self, services: Services) -> None:
        self._storage = services.storage
        self._services = services
        self._known: OrderedDict[str, Metadata] = OrderedDict()
        self._guard = threading.Lock()

    async def answer(self, request: Request, caller: Caller) -> Reply:
        place = read_path(request.path)
        check_method(place, request.method)
        scope = needed_scope(place, request.method)
        access = self._services.access
        if access.enforced and scope == CATALOG and request.headers.get("authorization") is None:
            # what nobody in particular may see would look complete to those who could see more
            raise access.challenge(request, (scope,), "authentication is required")
        access.require(request, (scope,))
        if place.kind == "catalog":
            return await self._blocking(lambda: self._catalog(request, caller))
        if request.method == "PATCH":
            body = await read_body(request, _BODY_LIMIT, "a change")
            return await self._changing(place, lambda: self._change(request, place, body))
        if request.method == "DELETE":
            return await self._changing(place, lambda: self._delete(place))
        return await self._blocking(lambda: self._read(request, place))

    def _catalog(self, request: Request, caller: Caller) -> Reply:
        paging = read_paging(request.query)
        names = [name for name in self._storage.listed() if caller.granted(name, "pull")]
        page = page_of_names(names, paging)
        links = (link("/acr/v1/_catalog", paging, page.last),) if page.last is not None else ()
        return _json({"repositories": list(page.keys)}, *links)

    def _read(self, request: Request, place: Place) -> Reply:
        if place.kind == "tags":
            return self._tags(request, place.name)
        if place.kind == "manifests":
            return self._manifests(request, place.name)
        return _json(self._properties(request, place))

    def _properties(self, request: Request, place: Place) -> dict[str, Any]:
        """Of a repository, a tag or a manifest.

        Raises:
            Problem: NAME_UNKNOWN, TAG_UNKNOWN, MANIFEST_UNKNOWN.
        """
        metadata, registry = self._metadata(place.name), _registry(request)
        if place.kind == "repository":
            return repository_document(registry, metadata.about())
        if place.kind == "tag":
            if (tag := metadata.tag(place.item)) is None:
                raise tag_unknown()
            return of_repository(registry, place.name, tag=tag_document(tag))
        manifest = metadata.manifest(Digest(place.item))
        if manifest is None:
            raise manifest_unknown(place.item)
        return of_repository(registry, place.name, manifest=manifest_document(manifest, references=True))

    def _tags(self, request: Request, name: str) -> Reply:
        paging, text = read_paging(request.query), request.query.get("digest")
        digest = need_digest(text) if text else None
        metadata = self._metadata(name)
        times, names = metadata.tag_times, metadata.tag_names
        if digest is not None:
            wanted = set(metadata.tags_by_digest.get(digest, ()))
            times, names = [each for each in times if each[1] in wanted], [each for each in names if each in wanted]
        page = page_of_times(times, paging, tag_unknown()) if paging.by_time else page_of_names(names, paging)
        links = (link(path_of(name, "_tags"), paging, page.last, digest=digest),) if page.last is not None else ()
        tags = [tag_document(tag) for tag in metadata.tags(page.keys)]
        return _json(of_repository(_registry(request), name, tags=tags), *links)

    def _manifests(self, request: Request, name: str) -> Reply:
        paging = read_paging(request.query)
        metadata = self._metadata(name)
        if paging.by_time:
            page = page_of_times(metadata.manifest_times, paging, manifest_unknown(paging.last or ""))
        else:
            page = page_of_names(metadata.manifest_digests, paging)
        links = (link(path_of(name, "_manifests"), paging, page.last),) if page.last is not None else ()
        manifests = [manifest_document(manifest) for manifest in metadata.manifests(page.keys)]
        return _json(of_repository(_registry(request), name, manifests=manifests), *links)

    def _change(self, request: Request, place: Place, body: bytes) -> Reply:
        repository = self._metadata(place.name).repository
        where = {"tag": of_tag(place.item), "repository": REPOSITORY}.get(place.kind)
        with repository.lock:
            self._properties(request, place)
            where = where or of_manifest(Digest(place.item))
            before = repository.attributes.read(where).attributes
            after = read_change(body, before)
            if after != before:
                repository.attributes.change(where, after)
            return _json(self._properties(request, place))

    def _delete(self, place: Place) -> Reply:
        repository = self._metadata(place.name).repository
        with repository.lock:
            if place.kind == "tag":
                digest = repository.resolve(place.item)
                if digest is None:
                    raise tag_unknown()
                self._storage.delete_tag(place.name, place.item)
                return Reply(202, (("x-ms-int-docker-content-digest", digest),))
            manifests, tags = list(repository.manifests()), repository.tags()
            self._storage.delete_repository(place.name)
        return _json({"manifestsDeleted": manifests, "tagsDeleted": tags}, status=202)

    def _metadata(self, name: str) -> Metadata:
        """What is known of a repository; kept for those that were asked for last, as clients ask page after page.

        Raises:
            Problem: NAME_UNKNOWN.
        """
        with self._guard:
            found = self._known.get(name)
        if found is None or not found.current:
            found = Metadata(self._storage, name)
        with self._guard:
            self._known[name] = found
            self._known.move_to_end(name)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return found

    async def _changing(self, place: Place, work: Callable[[], Reply]) -> Reply:
        try:
            return await self._blocking(work)
        finally:
            self._services.forget(place.name)

    async def _blocking(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._services.pool, work)


def _registry(request: Request) -> str:
    return request.host


def _json(document: object, *headers: tuple[str, str], status: int = 200) -> Reply:
    return Reply(status, (("content-type", JSON), *headers), json.dumps(document).encode())
