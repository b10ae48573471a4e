"""The RSGI application: one request in, one reply out, and a short way for manifests that were asked for before."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import windlass
from windlass.registry.server.access.decisions import asks_who, needs
from windlass.registry.server.access.endpoint import PATH as TOKEN_PATH
from windlass.registry.server.access.endpoint import TokenEndpoint
from windlass.registry.server.access.interface import Access
from windlass.registry.server.access.open import OpenAccess
from windlass.registry.server.distribution.blob_handlers import BlobHandlers
from windlass.registry.server.distribution.manifest_handlers import ManifestHandlers
from windlass.registry.server.extensions import EXTENSIONS
from windlass.registry.server.interface import Services
from windlass.registry.server.listen import IDENTITY
from windlass.registry.server.problems import Problem, storage_failed, unsupported
from windlass.registry.server.storage.storage import Storage
from windlass.registry.server.wire import JSON, Connection, Part, Query, Reply, Request, Route, Scope, route

_THREADS = 16
_SMALL = 64 * 1024
"""Bytes of a blob that is sent together with its headers: sent after them, it would wait for their acknowledgement (40 ms)."""
_CACHE_BYTES = 64 * 1024 * 1024
_log = logging.getLogger(__name__)

Headers = list[tuple[str, str]]


class Application:
    """Serves one storage. All requests run on one event loop; whatever waits for the disk runs in threads."""

    def __init__(self, storage: Storage, access: Access | None = None) -> None:
        self._storage = storage
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="registry-disk")
        self._access = access or OpenAccess()
        self._enforced = self._access.enforced
        self._tokens = TokenEndpoint(self._access)
        self._blobs = BlobHandlers(storage, self._pool)
        self._manifests = ManifestHandlers(storage, self._pool, self._access)
        self._cache = ManifestCache()
        services = Services(storage, self._pool, self._access, self._cache.forget)
        self._extensions = {prefix: make(services) for prefix, make in EXTENSIONS.items()}

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called by the server: whatever changes the storage, also beside requests, is no longer answered from memory."""

        def forget(name: str) -> None:
            loop.call_soon_threadsafe(self._cache.forget, name)

        self._storage.listeners.append(forget)

    async def __rsgi__(self, scope: Scope, connection: Connection) -> None:
        method = scope.method
        if method == "GET" or method == "HEAD":
            cached = self._cache.get(scope.path)
            if cached is not None and (not self._enforced or self._may_pull(scope, cached[2])):
                if method == "GET":
                    connection.response_bytes(200, cached[0], cached[1])
                else:
                    connection.response_empty(200, cached[0])
                return
        body = Body(connection)
        try:
            reply = await self._answer(scope, body)
        except Problem as problem:
            reply = _refusal(problem, body.close_after(scope))
        except OSError as error:
            _log.error("%s %r: %s", method, scope.path, error)
            reply = _refusal(storage_failed(error), body.close_after(scope))
        _send(connection, reply, head=method == "HEAD")

    async def _answer(self, scope: Scope, body: Body) -> Reply:
        path = scope.path
        request = Request(
            *(scope.method, Query(scope.query_string), scope.headers, body, path),
            client=scope.client.rpartition(":")[0],
            host=scope.authority or scope.headers.get("host", ""),
        )
        if path == TOKEN_PATH:
            return await self._tokens.answer(request)
        if self._enforced:
            request = replace(request, caller=await self._access.authenticate(request))
        if not path.startswith("/v2/"):
            for prefix, extension in self._extensions.items():
                if path.startswith(prefix):
                    return await extension.answer(request, request.caller)
        place = route(path)
        if self._enforced:
            self._admit(request, place)
        if place.kind == "manifest":
            return await self._manifest(place, request, scope.path)
        if place.kind == "blob":
            return await self._blobs.blob(request, place.name, place.item)
        if place.kind == "upload":
            return await self._blobs.upload(request, place.name, place.item)
        if place.kind == "tags":
            return await self._manifests.tags(request, place.name)
        if place.kind == "referrers":
            return await self._manifests.referrers(request, place.name, place.item)
        if place.kind == "whole":
            return await self._manifests.whole(request)
        if place.kind == "catalog":
            return await self._manifests.catalog(request)
        if request.method not in ("GET", "HEAD"):
            raise unsupported(request.method)
        return Reply(200, (("content-type", JSON), (IDENTITY, windlass.__version__)), b"{}")

    def _admit(self, request: Request, place: Route) -> None:
        """Raises Problem unless the caller may do this."""
        needed = needs(place, request.method)
        if asks_who(place) and request.headers.get("authorization") is None:
            problem = self._access.challenge(request, needed, "authentication is required")
            problem.headers += ((IDENTITY, windlass.__version__),)
            raise problem
        self._access.require(request, needed)

    def _may_pull(self, scope: Scope, name: str) -> bool:
        """Whether a ready answer may be given at once: to a caller who was checked a short while ago."""
        caller = self._access.recall(scope.headers.get("authorization"))
        return caller is not None and caller.may(name, "pull")

    async def _manifest(self, place: Route, request: Request, path: str) -> Reply:
        if request.method in ("GET", "HEAD"):
            reply = await self._manifests.manifest(request, place.name, place.item)
            assert isinstance(reply.body, bytes)
            self._cache.put(place.name, path, reply.headers, reply.body)
            return reply
        try:
            return await self._manifests.manifest(request, place.name, place.item)
        finally:
            self._cache.forget(place.name)


class Body:
    """A request's body, and whether anybody read it to its end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ended = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._connection:
            yield chunk
        self._ended = True

    def close_after(self, scope: Scope) -> bool:
        """Whether an early refusal must say that the connection ends with it: what is left of the body would be in the way."""
        headers = scope.headers
        bodied = headers.get("content-length", "0") != "0" or headers.get("transfer-encoding") is not None
        return bodied and not self._ended and scope.http_version.startswith("1")


class ManifestCache:
    """Ready answers by path: headers, body and the repository they are of. Only ever used on the event loop, and filled in the same step that reads the storage."""

    def __init__(self, limit: int = _CACHE_BYTES) -> None:
        self._answers: dict[str, tuple[Headers, bytes, str]] = {}
        self._paths: dict[str, set[str]] = {}
        self._bytes = 0
        self._limit = limit
        self.get = self._answers.get

    def put(self, name: str, path: str, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
        if self._bytes + len(body) > self._limit:
            self._answers.clear()
            self._paths.clear()
            self._bytes = 0
        if path not in self._answers:
            self._bytes += len(body)
            self._paths.setdefault(name, set()).add(path)
            self._answers[path] = ([*_BASE, *headers, ("content-length", str(len(body)))], body, name)

    def forget(self, name: str) -> None:
        for path in self._paths.pop(name, ()):
            self._bytes -= len(self._answers.pop(path)[1])


_BASE = (("docker-distribution-api-version", "registry/2.0"),)


def _refusal(problem: Problem, close: bool) -> Reply:
    headers = (("content-type", JSON), *problem.headers, *((("connection", "close"),) if close else ()))
    return Reply(problem.status, headers, problem.body())


def _send(connection: Connection, reply: Reply, head: bool) -> None:
    body = reply.body
    length = body.end - body.start if isinstance(body, Part) else len(body)
    headers = [*_BASE, *reply.headers]
    if reply.status != 204:
        headers.append(("content-length", str(length)))
    if head or length == 0:
        connection.response_empty(reply.status, headers)
    elif isinstance(body, bytes):
        connection.response_bytes(reply.status, headers, body)
    elif length <= _SMALL:
        try:
            with open(body.path, "rb") as file:  # noqa: PTH123 (a hot path)
                file.seek(body.start)
                data = file.read(length)
        except OSError as error:  # it was deleted just now
            _send(connection, _refusal(storage_failed(error), close=False), head)
            return
        connection.response_bytes(reply.status, headers, data)
    elif reply.status == 200:
        connection.response_file(200, headers, body.path)
    else:
        connection.response_file_range(reply.status, headers, body.path, body.start, body.end)
