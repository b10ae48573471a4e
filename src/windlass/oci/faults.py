"""What can go wrong between this program and a registry, beyond the shared error tree.

EnvironmentUnusable
├── RegistryUnavailable     nobody answers, or not like a registry (in `windlass.errors`)
├── CredentialsMissing      401 or 403 (in `windlass.errors`)
├── NotFound                the manifest, blob or repository is not there
├── Rejected                the registry understood and said no; holds its status and error code
└── Malformed               content that is not what it says it is: wrong digest, broken JSON, missing blob
UsageError
└── InvalidReference        an image reference that Docker would refuse too
"""

from __future__ import annotations

from windlass.errors import EnvironmentUnusable, UsageError


class NotFound(EnvironmentUnusable):
    """The registry answers, and has no such manifest, blob or repository."""


class Rejected(EnvironmentUnusable):
    """The registry refused a request. `status` is the HTTP status, `code` the OCI error code or empty."""

    def __init__(self, message: str, *, status: int, code: str, where: str | None = None, remedy: str | None = None):
        super().__init__(message, where=where, remedy=remedy)
        self.status = status
        self.code = code


class Malformed(EnvironmentUnusable):
    """Content is not what it says it is."""


class InvalidReference(UsageError):
    """An image reference is not one."""
