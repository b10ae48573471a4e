"""The blobs of an image in a registry (the driver of `oci.difference.Content`)."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from windlass.oci.client import RegistryClient
from windlass.oci.faults import Malformed, NotFound

_LIMIT = 8 * 1024 * 1024


class RegistryContent:
    """The images of one repository, named without the host."""

    def __init__(self, client: RegistryClient, repository: str) -> None:
        self._client = client
        self._repository = repository

    def document(self, digest: str) -> Mapping[str, Any]:
        """Raises NotFound, Malformed, RegistryUnavailable, CredentialsMissing."""
        try:
            body = self._client.get_manifest(self._repository, digest).body
        except NotFound:
            body = self._client.read_blob(self._repository, digest, _LIMIT)
        try:
            found = json.loads(body)
        except ValueError as error:
            raise Malformed(f"{digest} is not JSON", where=self._repository) from error
        if not isinstance(found, dict):
            raise Malformed(f"{digest} is not a JSON object", where=self._repository)
        return found

    @contextmanager
    def open(self, digest: str) -> Iterator[IO[bytes]]:
        """Raises NotFound, RegistryUnavailable, CredentialsMissing."""
        with tempfile.TemporaryFile(prefix="windlass-") as stream:
            for chunk in self._client.blob(self._repository, digest):
                stream.write(chunk)
            stream.seek(0)
            yield stream
