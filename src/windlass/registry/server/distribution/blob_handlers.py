"""Pulling, pushing, mounting and deleting blobs ("Pulling blobs", "Pushing blobs", "Deleting Blobs")."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from windlass.registry.server.distribution.incoming import Incoming
from windlass.registry.server.names import (
    ALGORITHMS,
    Digest,
    Unsatisfiable,
    is_name,
    parse_byte_range,
    parse_content_range,
)
from windlass.registry.server.problems import Problem, digest_invalid, name_invalid, unsupported, upload_unknown
from windlass.registry.server.storage.storage import Storage
from windlass.registry.server.storage.uploads import Upload
from windlass.registry.server.wire import Part, Reply, Request, need_digest

T = TypeVar("T")


class BlobHandlers:
    def __init__(self, storage: Storage, pool: Executor) -> None:
        self._storage = storage
        self._pool = pool

    async def blob(self, request: Request, name: str, item: str) -> Reply:
        digest = need_digest(item)
        if request.method in ("GET", "HEAD"):
            return self._pull(request, name, digest)
        if request.method == "DELETE":
            await self._blocking(lambda: self._storage.delete_blob(name, digest))
            return Reply(202)
        raise unsupported(request.method)

    async def upload(self, request: Request, name: str, item: str) -> Reply:
        if request.method == "POST" and not item:
            return await self._start(request, name)
        if not item:
            raise upload_unknown(item) if request.method in ("GET", "PATCH", "PUT") else unsupported(request.method)
        upload = self._storage.uploads.find(name, item)
        if request.method in ("GET", "HEAD"):
            return Reply(204, _progress(name, upload))
        if request.method == "PATCH":
            return await self._append(request, name, upload)
        if request.method == "PUT":
            return await self._close(request, name, upload)
        if request.method == "DELETE":
            return await self._cancel(upload)
        raise unsupported(request.method)

    def _pull(self, request: Request, name: str, digest: Digest) -> Reply:
        size = self._storage.blob_size(name, digest)
        headers = (
            ("content-type", "application/octet-stream"),
            ("docker-content-digest", digest),
            ("etag", f'"{digest}"'),
            ("accept-ranges", "bytes"),
            ("cache-control", "max-age=31536000"),
        )
        path = self._storage.blobs.path(digest)
        wanted = request.headers.get("range")
        condition = request.headers.get("if-range")
        if wanted is not None and (condition is None or condition == f'"{digest}"'):
            try:
                part = parse_byte_range(wanted, size)
            except Unsatisfiable:
                raise Problem(
                    416, "SIZE_INVALID", "no such bytes", headers=(("content-range", f"bytes */{size}"),)
                ) from None
            if part is not None:
                start, end = part
                return Reply(
                    206, (*headers, ("content-range", f"bytes {start}-{end - 1}/{size}")), Part(path, start, end)
                )
        return Reply(200, headers, Part(path, 0, size))

    async def _start(self, request: Request, name: str) -> Reply:
        query = request.query
        if (text := query.get("mount")) is not None and (mounted := await self._mount(request, name, text)):
            return mounted
        algorithm = query.get("digest-algorithm") or "sha256"
        if algorithm not in ALGORITHMS:
            raise digest_invalid(algorithm, "digest algorithm is not supported")
        if (wanted := query.get("digest")) is None:
            upload = await self._blocking(lambda: self._storage.uploads.start(name, algorithm))
            return Reply(202, _progress(name, upload))
        digest = need_digest(wanted)
        upload = await self._blocking(
            lambda: self._storage.uploads.start(name, digest.partition(":")[0], resumable=False)
        )
        return await self._finish(request, name, upload, digest, request.length(), keep=False)

    async def _mount(self, request: Request, name: str, text: str) -> Reply | None:
        digest = need_digest(text)
        source = request.query.get("from")
        if source is not None and not is_name(source):
            raise name_invalid(source)
        caller = request.caller
        # Who may not pull from there uploads instead: a refusal would end the whole push of some clients.
        if await self._blocking(lambda: self._storage.mount(name, digest, source, lambda n: caller.may(n, "pull"))):
            return _created(name, digest)
        return None

    async def _append(self, request: Request, name: str, upload: Upload) -> Reply:
        upload.claim()
        try:
            await self._receive(request, name, upload, _expected(request, name, upload))
        finally:
            upload.release()
        return Reply(202, _progress(name, upload))

    async def _close(self, request: Request, name: str, upload: Upload) -> Reply:
        wanted = request.query.get("digest")
        if wanted is None:
            raise digest_invalid("", "the digest parameter is missing")
        digest = need_digest(wanted)
        return await self._finish(request, name, upload, digest, None, keep=True)

    async def _finish(
        self, request: Request, name: str, upload: Upload, digest: Digest, length: int | None, keep: bool
    ) -> Reply:
        """Receive what is left and turn the session into a blob; `keep` the session when the client breaks off."""
        upload.claim()
        try:
            expected = _expected(request, name, upload) if keep else length
            await self._receive(request, name, upload, expected)
            await self._blocking(lambda: self._storage.finish_upload(name, upload, digest))
        except BaseException:
            if not keep:
                self._storage.uploads.drop(upload)
            raise
        finally:
            upload.release()
        return _created(name, digest)

    async def _cancel(self, upload: Upload) -> Reply:
        upload.claim()
        try:
            await self._blocking(lambda: self._storage.uploads.drop(upload))
        finally:
            upload.release()
        return Reply(204)

    async def _receive(self, request: Request, name: str, upload: Upload, expected: int | None) -> None:
        """Write the body while it arrives.

        A client that goes away (the body then simply ends early) leaves what it sent, to go on from. A chunk that is
        not as long as its `Content-Range` leaves nothing, and neither do a full disk and a blob that is too large, which end
        the session.
        """
        before, received = upload.size, 0
        limit = self._storage.uploads.limits.blob_bytes
        incoming = Incoming(upload, self._pool)
        too_large = Problem(413, "SIZE_INVALID", f"blobs may have at most {limit} bytes here")
        try:
            if limit is not None and before + (request.length() or 0) > limit:
                raise too_large
            try:
                async for chunk in request.body:
                    received += len(chunk)
                    if limit is not None and before + received > limit:
                        raise too_large
                    if incoming.add(chunk):
                        await incoming.pass_on()
            finally:
                await incoming.finish()
        except (OSError, Problem):
            self._storage.uploads.drop(upload)
            raise
        announced = request.length()
        if announced is not None and received < announced:
            raise Problem(400, "SIZE_INVALID", "the connection ended before the body did")
        if expected is not None and received != expected:
            await self._blocking(upload.roll_back)
            raise Problem(
                400,
                "SIZE_INVALID",
                f"provided length {expected} did not match content length {received}",
                headers=(("range", _range(before)),),
            )

    async def _blocking(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _expected(request: Request, name: str, upload: Upload) -> int | None:
    """How long this chunk must be, by its `Content-Range` or else its `Content-Length`.

    Raises:
        Problem: 416 when it does not begin where the upload ends.
    """
    length = request.length()
    text = request.headers.get("content-range")
    if text is None:
        return length
    chunk = parse_content_range(text)
    if chunk is None:
        raise Problem(416, "BLOB_UPLOAD_INVALID", "malformed Content-Range", headers=_progress(name, upload))
    start, end = chunk
    if start != upload.size:
        raise Problem(
            416,
            "BLOB_UPLOAD_INVALID",
            f"the chunk begins at {start}, the upload is at {upload.size}",
            headers=_progress(name, upload),
        )
    if length is not None and length != end - start + 1:
        raise Problem(400, "SIZE_INVALID", "Content-Range and Content-Length disagree", headers=_progress(name, upload))
    return end - start + 1


def _range(size: int) -> str:
    return f"0-{max(0, size - 1)}"


def _progress(name: str, upload: Upload) -> tuple[tuple[str, str], ...]:
    return (
        ("location", f"/v2/{name}/blobs/uploads/{upload.id}"),
        ("range", _range(upload.size)),
        ("upload-offset", str(upload.size)),  # `Range` cannot say "nothing yet": its end is inclusive
        ("docker-upload-uuid", upload.id),
    )


def _created(name: str, digest: Digest) -> Reply:
    return Reply(201, (("location", f"/v2/{name}/blobs/{digest}"), ("docker-content-digest", digest)))
