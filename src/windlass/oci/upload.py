"""Uploading one blob (OCI distribution specification, "Pushing Blobs").

One POST and one PUT with everything; where that breaks, the registry is asked how much it has, and the rest follows in
chunks. CNCF distribution 2.8 drops an upload whose request broke, so there it begins anew. A registry (or the proxy before
it) that refuses so large a request gets chunks from the start.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlencode, urlsplit

from windlass.errors import RegistryUnavailable, WindlassError
from windlass.oci import digest as digests
from windlass.oci.faults import Malformed, NotFound, Rejected
from windlass.oci.manifest import Descriptor
from windlass.oci.session import Session
from windlass.oci.transport import CHUNK

Source: TypeAlias = Callable[[int], Iterator[bytes]]
"""Gives a blob's content from an offset (bytes) on; called again for every try."""

_PIECE = 32 * 1024 * 1024
_FRUITLESS = 6  # tries without one more byte stored
_RANGE = re.compile(r"(?:bytes=)?0-([0-9]{1,18})")


class Uploader:
    """One blob on its way. `sent` hears of every piece of bytes; negative when they must be sent again."""

    def __init__(
        self,
        session: Session,
        repository: str,
        blob: Descriptor,
        source: Source,
        head: Callable[[str, str], int | None],
        sent: Callable[[int], None] | None,
    ) -> None:
        self._session = session
        self._repository = repository
        self._blob = blob
        self._source = source
        self._head = head
        self._sent = sent or (lambda _count: None)
        self._counted = 0
        self._scopes = [f"repository:{repository}:pull,push"]

    def run(self, mount_from: str | None) -> bool:
        location = self._start(mount_from)
        if location is None:
            return False
        offset, fruitless, pieces, resumed = 0, 0, False, False
        while True:
            try:
                if offset == 0 and not pieces:
                    self._put(location, 0)
                else:
                    location, offset = self._patch(location, offset)
                    if offset < self._blob.size:
                        fruitless = 0
                        continue
                    self._put(location, offset)
                return True
            except RegistryUnavailable as error:
                failure: WindlassError = error
            except Rejected as error:
                if error.status == 413 and not pieces:
                    pieces = True
                elif error.status not in (409, 416):  # 409: it still reads what came over the broken connection
                    raise
                failure = error
            except NotFound as error:  # the upload session ended
                failure = error
            except Malformed as error:
                if not resumed:
                    raise
                failure = error  # a resumed upload that went wrong starts over, once whole
            fruitless += 1
            if fruitless >= _FRUITLESS or self._session.closed:
                raise failure
            self._session.pause(fruitless - 1)
            if self._head(self._repository, self._blob.digest) is not None:
                return True  # it had arrived; only the answer was lost
            before = offset
            again = (
                None
                if isinstance(failure, Malformed | NotFound) or (not pieces and _too_large(failure))
                else self._status(location)
            )
            if again is None:
                offset, resumed = 0, False
                location = self._start(None) or location
            else:
                location, offset = again
                resumed = True
            if offset > before:
                fruitless = 0
            self._recount(offset)

    def _start(self, mount_from: str | None) -> str | None:
        """Open an upload session; None when the blob was mounted instead."""
        scopes = list(self._scopes)
        query = ""
        if mount_from is not None:
            query = "?" + urlencode({"mount": self._blob.digest, "from": mount_from})
            scopes.append(f"repository:{mount_from}:pull")
        answer = self._session.request(
            "POST",
            f"/v2/{self._repository}/blobs/uploads/{query}",
            scopes=scopes,
            headers={"content-length": "0"},
            expect=(201, 202),
        )
        answer.drop()
        return None if answer.status == 201 else self._location(answer.headers.get("location"))

    def _put(self, location: str, offset: int) -> None:
        """Send the rest from `offset` and close the upload."""
        size = self._blob.size - offset
        joint = "&" if urlsplit(location).query else "?"
        answer = self._session.request(
            "PUT",
            f"{location}{joint}{urlencode({'digest': self._blob.digest})}",
            scopes=self._scopes,
            headers={"content-type": "application/octet-stream", "content-length": str(size)},
            body=(lambda: self._content(offset, size)) if size else None,
            expect=(201, 204),
            retry=False,
        )
        answer.drop()

    def _patch(self, location: str, offset: int) -> tuple[str, int]:
        """Send one piece; where to go on, and from which offset."""
        size = min(_PIECE, self._blob.size - offset)
        if size <= 0:
            return location, offset
        answer = self._session.request(
            "PATCH",
            location,
            scopes=self._scopes,
            headers={
                "content-type": "application/octet-stream",
                "content-length": str(size),
                "content-range": f"{offset}-{offset + size - 1}",
            },
            body=lambda: self._content(offset, size),
            expect=(202, 204),
            retry=False,
        )
        answer.drop()
        return self._location(answer.headers.get("location"), location), offset + size

    def _status(self, location: str) -> tuple[str, int] | None:
        """Where an interrupted upload goes on; None to begin anew."""
        try:
            answer = self._session.request("GET", location, scopes=self._scopes, expect=(204, 200, 202))
        except (NotFound, Rejected):
            return None
        answer.drop()
        stored = _RANGE.fullmatch(answer.headers.get("range", ""))
        # "0-0" is one byte to some registries and none to others.
        if stored is None or not 0 < int(stored[1]) < self._blob.size:
            return None
        return self._location(answer.headers.get("location"), location), int(stored[1]) + 1

    def _content(self, offset: int, size: int) -> Iterator[bytes]:
        left = size
        for chunk in self._source(offset):
            part = chunk[:left]
            left -= len(part)
            if part:
                yield part
                self._counted += len(part)
                self._sent(len(part))
            if not left:
                return
        raise Malformed(
            f"the local copy of {digests.short(self._blob.digest)} is {left} bytes too short",
            remedy="build the image again",
        )

    def _recount(self, offset: int) -> None:
        self._sent(offset - self._counted)
        self._counted = offset

    def _location(self, value: str | None, otherwise: str | None = None) -> str:
        if value:
            return self._session.resolve(value)
        if otherwise:
            return otherwise
        raise RegistryUnavailable(
            f"{self._session.host} does not answer like a registry: it does not say where to upload to",
            remedy=f"check that a registry runs there: curl {self._session.base}/v2/",
        )


def _too_large(failure: WindlassError) -> bool:
    return isinstance(failure, Rejected) and failure.status == 413


def bytes_source(data: bytes) -> Source:
    return lambda offset: iter((data[offset:],))


def file_source(path: Path) -> Source:
    """A file's content. Reading it raises Malformed when it is gone or cannot be read."""

    def content(offset: int) -> Iterator[bytes]:
        try:
            with path.open("rb") as file:
                file.seek(offset)
                while chunk := file.read(CHUNK):
                    yield chunk
        except OSError as error:
            raise Malformed(
                f"cannot be read: {error.strerror}", where=str(path), remedy="build the image again"
            ) from error

    return content
