"""A client for any registry (OCI distribution specification 1.1)."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from windlass.oci import digest as digests
from windlass.oci import manifest as manifests
from windlass.oci import reference as references
from windlass.oci.auth import merge
from windlass.oci.credentials import Credentials
from windlass.oci.faults import InvalidReference, Malformed, NotFound, Rejected
from windlass.oci.layout import Stored
from windlass.oci.manifest import Descriptor, Index
from windlass.oci.session import Patience, Session
from windlass.oci.transport import Transport, TransportFailed, is_loopback
from windlass.oci.upload import Source, Uploader, bytes_source
from windlass.waiting import Clock

_PAGE = 1000
_PAGE_LIMIT = 64 * 1024 * 1024
_RESUMES = 5
_ACCEPT = {"accept": manifests.ACCEPT}
_IDENTITY = "windlass-registry"
_WHOLE = "/v2/_windlass/images/whole"
_CATALOG = ("registry:catalog:*",)


class RegistryClient:
    """One registry, shared by threads. Repositories are named without the host.

    Every method may raise RegistryUnavailable (nobody answers, or not like a registry), CredentialsMissing (401, 403)
    and Rejected (refused for another reason); what else, each says.

    Args:
        host: `localhost:5077`, `docker.io`, `name.azurecr.io`.
        insecure: plain http instead of https; None means so for this machine's own addresses only.
        credentials: where to look when the registry asks; Docker's own configuration when None.
        transport: replaces the network, for tests.

    `session` is for paths beyond the specification: the same connections, and the same login.
    """

    def __init__(
        self,
        host: str,
        *,
        insecure: bool | None = None,
        credentials: Credentials | None = None,
        patience: Patience | None = None,
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.session = Session(
            host, insecure=insecure, credentials=credentials, patience=patience, transport=transport, clock=clock
        )
        self.host = self.session.host
        self._windlass: bool | None = None

    def ping(self) -> None:
        """Ask whether a registry answers, and whether the credentials it wants are there."""
        answer, body = self.session.fetch("/v2/", _PAGE_LIMIT)
        if "docker-distribution-api-version" not in answer.headers and not body.lstrip().startswith((b"{", b"true")):
            kind = answer.headers.get("content-type", "")
            if body or "html" in kind:
                raise self.session.unlike(answer, "something else")

    # -- manifests --------------------------------------------------------------------------------------------------

    def head_manifest(self, repository: str, reference: str) -> Descriptor | None:
        """What a tag or digest points at, without fetching it; None when it is not there.

        Raises:
            Malformed: the registry names another digest than the one asked for.
        """
        path = f"/v2/{self._name(repository)}/manifests/{_pointer(reference)}"
        try:
            answer = self.session.request("HEAD", path, scopes=_scope(repository, "pull"), headers=_ACCEPT)
        except NotFound:
            return None
        answer.drop()
        digest = answer.headers.get("docker-content-digest", "")
        media_type = answer.headers.get("content-type", "").partition(";")[0].strip()
        size = answer.headers.get("content-length", "")
        if not digest and media_type == "text/html":
            raise self.session.unlike(answer, "an HTML page")
        if digests.is_digest(reference):
            if digest and digest != reference and digest.partition(":")[0] == reference.partition(":")[0]:
                raise Malformed(
                    f"asked for {digests.short(reference)}, the registry names {digest[:80]}",
                    where=f"{self.host}/{repository}",
                )
            digest = reference
        if not digests.is_digest(digest) or not size.isdigit():
            try:  # both headers are optional; the content itself always tells
                return self.get_manifest(repository, reference).descriptor
            except NotFound:
                return None
        return Descriptor(media_type, digest, int(size))

    def get_manifest(self, repository: str, reference: str) -> Stored:
        """A manifest or index with its exact bytes, its digest verified.

        Raises:
            NotFound, Malformed
        """
        where = f"{self.host}/{repository}"
        path = f"/v2/{self._name(repository)}/manifests/{_pointer(reference)}"
        answer, body = self.session.fetch(path, manifests.LARGEST, scopes=_scope(repository, "pull"), headers=_ACCEPT)
        told = answer.headers.get("docker-content-digest", "")
        asked = reference if digests.is_digest(reference) else told if digests.is_digest(told) else ""
        if asked and not digests.matches(body, asked):
            if "html" in answer.headers.get("content-type", ""):
                raise self.session.unlike(answer, "an HTML page")
            raise Malformed(
                f"the manifest of {digests.short(asked)} has another digest",
                where=where,
                remedy="the registry's storage is damaged; publish the image again",
            )
        content = manifests.parse(body, answer.headers.get("content-type"), f"{where} {digests.short(reference)}")
        return Stored(Descriptor(content.media_type, asked or digests.of(body), len(body)), body, content)

    def put_manifest(self, repository: str, reference: str, body: bytes, media_type: str) -> str:
        """Store a manifest under its digest, or under a tag; return its digest. What it names must be there already."""
        digest = reference if digests.is_digest(reference) else digests.of(body)
        answer = self.session.request(
            "PUT",
            f"/v2/{self._name(repository)}/manifests/{_pointer(reference)}",
            scopes=_scope(repository, "pull,push"),
            headers={"content-type": media_type},
            body=body,
            expect=(201, 200, 202),
        )
        answer.drop()
        told = answer.headers.get("docker-content-digest", "")
        if told and told != digest and told.partition(":")[0] == digest.partition(":")[0]:
            raise Malformed(f"the registry stored another digest: {told[:80]}", where=f"{self.host}/{repository}")
        return digest

    def delete_manifest(self, repository: str, digest: str) -> bool:
        """Delete a manifest and with it all its tags; False when it was not there."""
        digests.require(digest, repository)
        return self._delete(f"/v2/{self._name(repository)}/manifests/{digest}", repository)

    def delete_tag(self, repository: str, tag: str) -> bool:
        """Delete a tag and leave its manifest; False when it was not there.

        ACR would delete the manifest with all its other tags when asked the standard way, so there its own API is used.
        """
        if not references.is_tag(tag):
            raise InvalidReference(f"'{tag[:80]}' is not a tag")
        azure = self.host.endswith(".azurecr.io") or self.session.auth.azure
        if azure:
            return self._delete(f"/acr/v1/{self._name(repository)}/_tags/{tag}", repository)
        return self._delete(f"/v2/{self._name(repository)}/manifests/{tag}", repository)

    def _delete(self, path: str, repository: str) -> bool:
        try:
            self.session.request(
                "DELETE", path, scopes=_scope(repository, "delete,pull"), expect=(202, 200, 204)
            ).drop()
        except NotFound:
            return False
        return True

    def whole(self, images: Sequence[tuple[str, str]]) -> list[bool]:
        """Which images (repository, digest) can be pulled with all their platforms and blobs, for those that are known to be.

        One question to a registry of Windlass's own, which is recognised by a list it gave before; any other registry
        leaves all of them open (False).
        """
        return self._ask_whole(images) if self._windlass and images else [False] * len(images)

    def is_whole(self, repository: str, digest: str) -> bool | None:
        """The same for one image, asked of an unknown registry on this machine too; None where that cannot be told."""
        if self._windlass or (self._windlass is None and is_loopback(self.host)):
            try:
                (whole,) = self._ask_whole([(repository, digest)])
                return whole if self._windlass else None
            except (NotFound, Rejected):
                self._windlass = False
        return None

    def _ask_whole(self, images: Sequence[tuple[str, str]]) -> list[bool]:
        scopes = merge(f"repository:{repository}:pull" for repository, _ in images)
        headers = {"content-type": "application/json", "accept": "application/json"}
        body = json.dumps({"images": images}).encode()
        answer = self.session.request("POST", _WHOLE, scopes=scopes, headers=headers, body=body)
        try:
            told = json.loads(answer.body(_PAGE_LIMIT))["whole"]
            self._windlass = True
        except (TransportFailed, ValueError, KeyError, TypeError, RecursionError):
            told = None
        finally:
            answer.drop()
        if not isinstance(told, list) or len(told) != len(images):
            return [False] * len(images)
        return [one is True for one in told]

    # -- lists ------------------------------------------------------------------------------------------------------

    def tags(self, repository: str) -> Iterator[str]:
        """All tags, page by page as they are consumed.

        Raises:
            NotFound: no such repository.
        """
        path = f"/v2/{self._name(repository)}/tags/list?n={_PAGE}"
        return self._list(path, "tags", _scope(repository, "pull"))

    def repositories(self) -> Iterator[str]:
        """All repositories the registry lists, page by page as they are consumed."""
        return self._list(f"/v2/_catalog?n={_PAGE}", "repositories", _CATALOG)

    def _list(self, path: str, key: str, scopes: Collection[str]) -> Iterator[str]:
        for document in self._pages(path, scopes):
            items = document.get(key)
            if items is not None and not isinstance(items, list):
                raise Malformed(f"the list of {key} is not a list", where=self.host)
            yield from (item for item in items or () if isinstance(item, str))

    def _pages(self, path: str, scopes: Collection[str], headers: Mapping[str, str] | None = None) -> Iterator[Any]:
        seen = {path}
        following: str | None = path
        while following is not None:
            answer, body = self.session.fetch(following, _PAGE_LIMIT, scopes=scopes, headers=headers or {})
            self._windlass = self._windlass or _IDENTITY in answer.headers
            try:
                document = json.loads(body)
            except (ValueError, RecursionError) as error:
                raise self.session.unlike(answer, "something that is not JSON") from error
            if not isinstance(document, dict):
                raise self.session.unlike(answer, "no JSON object")
            yield document
            following = self._next(answer.headers.get("link"), following)
            if following in seen:
                raise Malformed("the registry's pages go in circles", where=self.host)
            if following is not None:
                seen.add(following)

    def _next(self, link: str | None, current: str) -> str | None:
        """The next page (RFC 8288; relative to the current one), always on the registry itself."""
        for part in (link or "").split(","):
            target, _, parameters = part.strip().partition(">")
            if target.startswith("<") and "next" in parameters:
                url = urlsplit(self.session.resolve(target[1:]))
                page = url.path if url.path.startswith("/") else urlsplit(current).path
                return f"{page}?{url.query}" if url.query else page
        return None

    def referrers(self, repository: str, digest: str, artifact_type: str | None = None) -> tuple[Descriptor, ...]:
        """What refers to a manifest: signatures, SBOMs, reports. Falls back to the tag scheme of older registries."""
        digests.require(digest, repository)
        query = f"?{urlencode({'artifactType': artifact_type})}" if artifact_type else ""
        path = f"/v2/{self._name(repository)}/referrers/{digest}{query}"
        found: list[Descriptor] = []
        try:
            for document in self._pages(path, _scope(repository, "pull"), {"accept": manifests.OCI_INDEX}):
                body = manifests.canonical(document)
                found += _children(manifests.parse(body, manifests.OCI_INDEX, f"{self.host}/{repository}"))
        except NotFound:
            try:
                found = list(_children(self.get_manifest(repository, digest.replace(":", "-")).content))
            except NotFound:
                return ()
        return tuple(one for one in found if artifact_type is None or one.artifact_type == artifact_type)

    # -- blobs ------------------------------------------------------------------------------------------------------

    def head_blob(self, repository: str, digest: str) -> int | None:
        """The size of a blob in bytes; None when it is not there. -1 when the registry does not tell."""
        try:
            answer = self.session.request("HEAD", self._blob(repository, digest), scopes=_scope(repository, "pull"))
        except NotFound:
            return None
        answer.drop()
        if answer.headers.get("content-type", "").startswith("text/html"):
            raise self.session.unlike(answer, "an HTML page")
        size = answer.headers.get("content-length", "")
        return int(size) if size.isdigit() else -1

    def blob(self, repository: str, digest: str, offset: int = 0) -> Iterator[bytes]:
        """A blob's content. A broken connection is resumed where it broke.

        From offset 0 the digest is verified after the last chunk; from another one the caller has to.

        Raises:
            NotFound
            Malformed: the content has another digest; what came before must be thrown away.
        """
        chunks = self._resuming(repository, digest, offset)
        return chunks if offset else digests.verified(chunks, digest, f"{self.host}/{repository}")

    def read_blob(self, repository: str, digest: str, limit: int) -> bytes:
        """A small blob whole, verified.

        Raises:
            NotFound
            Malformed: another digest, or more than `limit` bytes.
        """
        data = bytearray()
        for chunk in self.blob(repository, digest):
            data += chunk
            if len(data) > limit:
                raise Malformed(f"{digests.short(digest)} is larger than {limit} bytes", where=self.host)
        return bytes(data)

    def _resuming(self, repository: str, digest: str, offset: int) -> Iterator[bytes]:
        path, breaks = self._blob(repository, digest), 0
        while True:
            headers = {"range": f"bytes={offset}-"} if offset else {}
            answer = self.session.request(
                "GET", path, scopes=_scope(repository, "pull"), headers=headers, expect=(200, 206)
            )
            skip = offset if answer.status == 200 else 0
            if answer.begins not in (offset, None):
                answer.drop()
                raise Malformed(f"the registry gave other bytes of {digests.short(digest)} than asked", where=self.host)
            try:
                for chunk in answer.chunks:
                    if skip >= len(chunk):
                        skip -= len(chunk)
                        continue
                    part = chunk[skip:]
                    skip = 0
                    offset += len(part)
                    yield part
                return
            except TransportFailed as error:
                breaks += 1
                if breaks > _RESUMES or not error.passing:
                    raise self.session.broken(error) from error
                self.session.pause(breaks)
            finally:
                answer.drop()

    def upload(
        self,
        repository: str,
        blob: Descriptor,
        source: Source,
        *,
        mount_from: str | None = None,
        sent: Callable[[int], None] | None = None,
    ) -> bool:
        """Store a blob that is not there yet; a broken upload is resumed.

        Args:
            source: gives the content from an offset on.
            mount_from: a repository of the same registry to take it from, if it has it and this account may read it.
            sent: told the number of bytes after each piece sent (negative when some must be sent again).

        Returns:
            Whether bytes were sent (False: mounted).

        Raises:
            Malformed: the registry found another digest.
        """
        digests.require(blob.digest, repository)
        name = self._name(repository)
        if mount_from is not None:
            self._name(mount_from)
        return Uploader(self.session, name, blob, source, self.head_blob, sent).run(mount_from)

    def upload_bytes(self, repository: str, data: bytes, media_type: str) -> Descriptor:
        """Store a small blob unless it is there; return its descriptor."""
        blob = Descriptor(media_type, digests.of(data), len(data))
        if self.head_blob(repository, blob.digest) is None:
            self.upload(repository, blob, bytes_source(data))
        return blob

    # -- small things -----------------------------------------------------------------------------------------------

    def _name(self, repository: str) -> str:
        if not references.is_repository(repository):
            raise InvalidReference(f"'{repository[:80]}' is not a repository name", where=self.host)
        return repository

    def _blob(self, repository: str, digest: str) -> str:
        return f"/v2/{self._name(repository)}/blobs/{digests.require(digest, repository)}"


def _scope(repository: str, actions: str) -> tuple[str, ...]:
    return (f"repository:{repository}:{actions}",)


def _pointer(reference: str) -> str:
    if references.is_tag(reference) or digests.is_digest(reference):
        return reference
    raise InvalidReference(f"'{reference[:80]}' is neither a tag nor a digest")


def _children(content: manifests.Content) -> tuple[Descriptor, ...]:
    return content.manifests if isinstance(content, Index) else ()
