"""How much a client may ask of the server. What is not here is fixed: manifests have 4 MiB (`manifests.MANIFEST_LIMIT`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Args:
    uploads: sessions open at once, of all repositories.
    uploads_per_repository: of one repository, so that a client gone wild closes its own only.
    blob_bytes: of one blob; None for as many as the disk holds.
    """

    uploads: int = 4096
    uploads_per_repository: int = 256
    blob_bytes: int | None = None
