"""Taking a tag or an image out of a registry, as `withdrawal` decided."""

from __future__ import annotations

from dataclasses import dataclass

from windlass.errors import EnvironmentUnusable, Refused, RegistryUnavailable
from windlass.oci.client import RegistryClient
from windlass.oci.digest import short
from windlass.oci.faults import Malformed, NotFound, Rejected
from windlass.registry.manage.withdrawal import Deletion, Withdrawal


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """`left` are manifests that should have gone and are still there, each with the reason; nothing leads to them."""

    deleted: tuple[Deletion, ...] = ()
    left: tuple[tuple[Deletion, str], ...] = ()


def carry_out(client: RegistryClient, asked: Withdrawal) -> Withdrawn:
    """Do what was decided.

    The image itself goes first. What fails after that leaves only what nobody can pull by a name, and is told.

    Raises:
        Refused: the registry does not delete, or cannot take a tag away alone; nothing was changed.
        RegistryUnavailable, CredentialsMissing
    """
    if asked.untags:
        assert asked.tag is not None
        untag(client, asked.repository, asked.tag, asked.digest, asked.also)
        return Withdrawn()
    image, *rest = asked.deletes
    try:
        client.delete_manifest(asked.repository, image.digest)
    except Rejected as error:
        raise _no_deleting(client.host, error) from error
    deleted, left = [image], []
    for one in rest:
        try:
            client.delete_manifest(asked.repository, one.digest)  # False: gone with the image already, as ACR does it
            deleted.append(one)
        except EnvironmentUnusable as error:
            left.append((one, error.message))
    return Withdrawn(tuple(deleted), tuple(left))


def untag(client: RegistryClient, repository: str, tag: str, digest: str, also: tuple[str, ...] = ()) -> None:
    """Take a tag away and leave its image.

    There are registries that delete the image when asked so ("Deleting tags" came late to the specification): then it is
    put back at once, with its other tags.

    Raises:
        Refused: the registry cannot do it.
        RegistryUnavailable, CredentialsMissing
    """
    try:
        stored = client.get_manifest(repository, digest)
    except NotFound:
        stored = None  # the tag leads nowhere: there is nothing to lose
    try:
        client.delete_tag(repository, tag)
    except (Rejected, Malformed) as error:
        raise _no_untagging(client.host, repository, tag, digest, also) from error
    if stored is None or client.head_manifest(repository, digest) is not None:
        return
    media_type = stored.descriptor.media_type
    for pointer in (digest, *also):
        client.put_manifest(repository, pointer, stored.body, media_type)
    raise RegistryUnavailable(
        f"{client.host} deleted the image when it was asked to take the tag {tag} away; it was put back",
        where=f"{repository}@{short(digest)}",
        remedy="windlass registry rm with a digest removes an image with all its tags there",
    )


def _no_untagging(host: str, repository: str, tag: str, digest: str, also: tuple[str, ...]) -> Refused:
    others = f", and {', '.join(also)} with it" if also else ""
    return Refused(
        f"{host} cannot take the tag {tag} away without its image{others}; nothing was changed",
        where=repository,
        remedy=f"to remove the image: windlass registry rm {repository}@{short(digest)}",
    )


def _no_deleting(host: str, error: Rejected) -> Refused:
    if error.status == 405:
        return Refused(
            f"{host} does not allow anything to be deleted; nothing was changed",
            remedy="allow it in the registry's configuration (CNCF distribution: storage.delete.enabled)",
        )
    return Refused(f"{error.message}; nothing was changed", remedy=error.remedy)
