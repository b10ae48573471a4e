"""Image references, as Docker reads them (distribution/reference, grammar in its package documentation).

`busybox` is `docker.io/library/busybox`, `localhost:5077/app:1` names a host because its first part has a port, a dot, an
upper-case letter, or is `localhost`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from windlass.oci import digest as digests
from windlass.oci.faults import InvalidReference

DOCKER_HUB = "docker.io"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]{{1,5}})?")
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_BARE_ID = re.compile(r"[a-f0-9]{64}")
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed image reference. `host` is the registry as users write it (`docker.io`), `repository` the path below it."""

    host: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        """The full form, `docker.io/library/busybox:1`; parsing it gives the same value."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"

    @property
    def name(self) -> str:
        return f"{self.host}/{self.repository}"

    @property
    def familiar(self) -> str:
        """The short form that Docker prints: without `docker.io/library/`."""
        if self.host != DOCKER_HUB:
            return str(self)
        text = str(self).removeprefix(f"{DOCKER_HUB}/")
        below = text.removeprefix("library/")
        return below if "/" not in below.partition("@")[0] else text

    @property
    def pointer(self) -> str:
        """What to ask the registry for: the digest, or else the tag, or else `latest`."""
        return self.digest or self.tag or "latest"

    def pinned(self, digest: str) -> Reference:
        """The same image by digest alone."""
        return replace(self, tag=None, digest=digest)


def parse(text: str) -> Reference:
    """Parse `[host/]repository[:tag][@digest]`.

    Raises:
        InvalidReference: with the reason, in words.
    """
    rest, at, digest = text.partition("@")
    if at and not digests.is_digest(digest):
        raise _invalid(text, f"'{digest[:80]}' is not a sha256 or sha512 digest")
    rest, tag = _split_tag(rest)
    if tag is not None and not is_tag(tag):
        raise _invalid(text, f"'{tag[:80]}' is not a tag")
    host, repository = _split_host(rest)
    if _BARE_ID.fullmatch(rest):
        raise _invalid(text, "64 hex digits alone would be an image id, not a name")
    if not _HOST.fullmatch(host):
        raise _invalid(text, f"'{host[:80]}' is not a host name")
    if not is_repository(repository):
        lower = f"; write {repository.lower()}" if is_repository(repository.lower()) else ""
        raise _invalid(text, f"'{repository[:80]}' is not a repository name{lower}")
    if len(host) + 1 + len(repository) > _LONGEST:
        raise _invalid(text[:40] + "…", f"the name is longer than {_LONGEST} characters")
    return Reference(host, repository, tag, digest or None)


def is_repository(text: str) -> bool:
    """Whether this can be a repository name: lower-case parts joined by slashes (OCI distribution specification, "Pull")."""
    return _REPOSITORY.fullmatch(text) is not None and len(text) <= _LONGEST


def is_tag(text: str) -> bool:
    return _TAG.fullmatch(text) is not None


def is_host(text: str) -> bool:
    """Whether this is `name`, `name:port`, an IPv4 address or a bracketed IPv6 address."""
    return _HOST.fullmatch(text) is not None


def _split_tag(text: str) -> tuple[str, str | None]:
    before, colon, after = text.rpartition(":")
    return (before, after) if colon and "/" not in after else (text, None)


def _split_host(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    if slash and (first == "localhost" or any(sign in first for sign in ".:[") or first != first.lower()):
        host, repository = first, rest
    else:
        host, repository = DOCKER_HUB, text
    if host == "index.docker.io":
        host = DOCKER_HUB
    if host == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return host, repository


def _invalid(text: str, reason: str) -> InvalidReference:
    return InvalidReference(
        f"'{text[:120]}' is not an image reference: {reason}",
        remedy="write it as [host/]name[:tag] or [host/]name@sha256:…",
    )
