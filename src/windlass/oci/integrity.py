"""Whether an image in a registry is whole, as far as that can be asked cheaply."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from windlass.oci.client import RegistryClient
from windlass.oci.digest import short
from windlass.oci.faults import Malformed, NotFound
from windlass.oci.layout import nested
from windlass.oci.manifest import Index


def damage(client: RegistryClient, repository: str, digest: str, pool: ThreadPoolExecutor | None = None) -> str | None:
    """Why an image cannot be used; None when its index and the manifests of all its platforms are there.

    One GET, so that the index is known to be what its digest says, and one HEAD per platform: registries whose clean-up
    looks at tags alone have deleted the children of kept indexes. Blobs are not asked for, one by one: that would be hundreds
    of requests. A registry of Windlass's own tells of all in one (`RegistryClient.is_whole`).

    Args:
        pool: where the HEADs run; one after another without it. Not one that this call itself runs in.

    Raises:
        RegistryUnavailable, CredentialsMissing, Rejected
    """
    try:
        stored = client.get_manifest(repository, digest)
    except NotFound:
        return "its image is gone from the registry"
    except Malformed as error:
        return f"its image in the registry is damaged: {error.message}"
    if not isinstance(stored.content, Index):
        return None
    children = nested(stored.content)
    ask = pool.map if pool is not None else map
    try:
        found = list(ask(lambda child: client.head_manifest(repository, child.digest), children))
    except Malformed as error:
        return f"its image in the registry is damaged: {error.message}"
    for child, there in zip(children, found, strict=True):
        if there is None:
            return f"its image in the registry has lost {child.platform or short(child.digest)}"
    return None
