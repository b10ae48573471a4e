"""Which image each service runs on: the registry's under a tag, or one built from the checkout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, Protocol

from windlass.errors import RegistryUnavailable, UsageError, WindlassError
from windlass.model.project import RegistrySpec, Service
from windlass.oci.manifest import Descriptor

DEFAULT_TAG = "latest"
_PARALLEL = 8
_SHOWN = 8


class Manifests(Protocol):
    """What is asked of a registry. `windlass.oci.client.RegistryClient` is one."""

    def head_manifest(self, repository: str, reference: str) -> Descriptor | None: ...

    def tags(self, repository: str) -> Iterable[str]: ...


@dataclass(frozen=True, slots=True)
class Image:
    """The image a service runs on. `reference` is by digest; `origin` says where it comes from."""

    reference: str
    digest: str
    origin: Literal["registry", "checkout"]


@dataclass(frozen=True, slots=True)
class Resolved:
    """`images` by service; `missing` are services that the registry has no image of; `silent` is why it could not be asked."""

    images: Mapping[str, Image]
    missing: tuple[str, ...]
    silent: str | None = None


def resolve(services: Sequence[Service], registry: RegistrySpec, manifests: Manifests, tag: str | None) -> Resolved:
    """Look the services' images up under a tag, all at once.

    Args:
        tag: a release asked for by name; None for `latest`, which may be missing and need not be reachable.

    Raises:
        UsageError: a service has no image under the tag that was asked for; names tags that there are.
        RegistryUnavailable: it does not answer, and a tag was asked for.
    """
    named = tag or DEFAULT_TAG

    def one(service: Service) -> Image | None:
        repository = registry.repository(service.image)
        found = manifests.head_manifest(repository, named)
        return Image(f"{registry.host}/{repository}@{found.digest}", found.digest, "registry") if found else None

    with ThreadPoolExecutor(_PARALLEL) as pool:
        asked = {service.name: pool.submit(one, service) for service in services}
    try:
        found = {name: answer.result() for name, answer in asked.items()}
    except RegistryUnavailable as error:
        if tag is not None:
            raise
        return Resolved({}, tuple(asked), str(error))
    missing = tuple(name for name, image in found.items() if image is None)
    if tag is not None and missing:
        raise _no_such_release(tag, missing, services, registry, manifests)
    return Resolved({name: image for name, image in found.items() if image is not None}, missing)


def _no_such_release(
    tag: str, missing: Sequence[str], services: Sequence[Service], registry: RegistrySpec, manifests: Manifests
) -> UsageError:
    from difflib import get_close_matches

    service = next(service for service in services if service.name == missing[0])
    try:
        there = list(manifests.tags(registry.repository(service.image)))
    except WindlassError:
        there = []
    near = get_close_matches(tag, there, n=_SHOWN, cutoff=0.3) or there[-_SHOWN:]
    return UsageError(
        f"{registry.host} has no image tagged {tag} of {', '.join(missing)}",
        where="TAG",
        remedy=f"it has: {', '.join(near)}" if near else f"windlass registry tags {service.name} lists what there is",
    )
