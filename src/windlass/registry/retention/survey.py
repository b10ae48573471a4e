"""Read what a registry holds, through the registry API alone, whichever registry it is."""

from __future__ import annotations

from collections.abc import Collection

from windlass.oci.client import RegistryClient
from windlass.registry.retention.model import Inventory


def survey(client: RegistryClient, repositories: Collection[str], *, parallel: int = 8) -> Inventory:
    """Read repositories (names without the host); those that do not exist are left out.

    One list of tags a repository, then each manifest once, several at a time. Registries with Azure's API (`/acr/v1`:
    ACR and Windlass's own) also tell times, locks and untagged manifests.

    Raises:
        RegistryUnavailable, CredentialsMissing
    """
    raise NotImplementedError
