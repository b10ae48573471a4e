"""Refusals, as the specification writes them: an HTTP status, an error code, a sentence."""

from __future__ import annotations

import errno
import json


class Problem(Exception):
    """A request that is refused. `code` is one of the specification's ("Error Codes"); `headers` are added to the answer."""

    def __init__(
        self, status: int, code: str, message: str, detail: object = None, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail
        self.headers = headers

    def body(self) -> bytes:
        error: dict[str, object] = {"code": self.code, "message": self.message}
        if self.detail is not None:
            error["detail"] = self.detail
        return json.dumps({"errors": [error]}).encode()


def name_invalid(name: str) -> Problem:
    return Problem(400, "NAME_INVALID", "invalid repository name", {"name": name[:300]})


def name_unknown(name: str) -> Problem:
    return Problem(404, "NAME_UNKNOWN", "repository name not known to registry", {"name": name})


def digest_invalid(text: str, reason: str = "not a sha256 or sha512 digest") -> Problem:
    return Problem(400, "DIGEST_INVALID", reason, {"digest": text[:300]})


def blob_unknown(digest: str) -> Problem:
    return Problem(404, "BLOB_UNKNOWN", "blob unknown to registry", {"digest": digest})


def manifest_unknown(reference: str) -> Problem:
    return Problem(404, "MANIFEST_UNKNOWN", "manifest unknown to registry", {"reference": reference[:300]})


def manifest_invalid(reason: str) -> Problem:
    return Problem(400, "MANIFEST_INVALID", reason)


def upload_unknown(upload: str) -> Problem:
    return Problem(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry", {"upload": upload[:100]})


def too_many_uploads() -> Problem:
    return Problem(429, "TOOMANYREQUESTS", "too many uploads are open", headers=(("retry-after", "60"),))


def unsupported(method: str) -> Problem:
    return Problem(405, "UNSUPPORTED", f"{method} is not supported here")


def storage_failed(error: OSError) -> Problem:
    """What a client is told when the disk refuses."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return Problem(507, "UNKNOWN", "the registry's disk is full")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return Problem(503, "UNKNOWN", "the registry cannot write to its storage")
    return Problem(500, "UNKNOWN", f"the registry's storage failed: {error.strerror or 'input/output error'}")
