"""A client that keeps small things: what is named by its digest never changes, so it is asked for once on a machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from windlass.oci import digest as digests
from windlass.oci import manifest as manifests
from windlass.oci.client import RegistryClient
from windlass.oci.faults import Malformed
from windlass.oci.layout import Stored
from windlass.oci.manifest import Descriptor

_MOST = 20_000
_SPARE = 2_000
_SMALL = 256 * 1024


class KeepingClient(RegistryClient):
    """For looking around: what is kept says nothing about whether the registry still has it.

    Args:
        folder: where manifests are kept; what cannot be written there is simply asked for again.
    """

    def __init__(self, host: str, *, folder: Path, **options: Any) -> None:
        super().__init__(host, **options)
        self._folder = folder

    def get_manifest(self, repository: str, reference: str) -> Stored:
        """As the client's, from the folder where it is there, whole."""
        if not digests.is_digest(reference):
            stored = super().get_manifest(repository, reference)
            self._keep(stored.descriptor.digest, stored.body)
            return stored
        if (kept := self._kept(reference, f"{self.host}/{repository}")) is not None:
            return kept
        stored = super().get_manifest(repository, reference)
        self._keep(stored.descriptor.digest, stored.body)
        return stored

    def read_blob(self, repository: str, digest: str, limit: int) -> bytes:
        """As the client's, from the folder where it is there; only configurations and the like are kept."""
        if (kept := self._bytes(digests.require(digest, repository))) is not None and len(kept) <= limit:
            return kept
        data = super().read_blob(repository, digest, limit)
        if len(data) <= _SMALL:
            self._keep(digest, data)
        return data

    def tidy(self) -> None:
        """Drop the oldest when there are very many."""
        try:
            if sum(1 for _ in self._folder.iterdir()) <= _MOST:
                return
            with os.scandir(self._folder) as entries:
                found = sorted((entry.stat().st_mtime, entry.path) for entry in entries)
            for _, path in found[: -(_MOST - _SPARE)]:
                Path(path).unlink(missing_ok=True)
        except OSError:
            pass

    def _kept(self, digest: str, where: str) -> Stored | None:
        if (body := self._bytes(digest)) is None:
            return None
        try:
            content = manifests.parse(body, None, where)
        except Malformed:
            return None
        return Stored(Descriptor(content.media_type, digest, len(body)), body, content)

    def _bytes(self, digest: str) -> bytes | None:
        """What is kept, if it is still what its name says."""
        try:
            body = self._file(digest).read_bytes()
        except OSError:
            return None
        return body if digests.matches(body, digest) else None

    def _keep(self, digest: str, body: bytes) -> None:
        place = self._file(digest)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            written = place.with_name(f"{place.name}.{os.getpid()}.{os.urandom(4).hex()}")
            written.write_bytes(body)
            written.replace(place)
        except OSError:
            pass

    def _file(self, digest: str) -> Path:
        return self._folder / digest.replace(":", "-")
