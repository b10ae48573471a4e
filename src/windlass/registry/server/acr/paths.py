"""What a path under `/acr/v1/` asks for, and which scope it takes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from windlass.registry.server.access.caller import CATALOG, ResourceScope, repository_scope
from windlass.registry.server.names import is_name, is_tag
from windlass.registry.server.problems import Problem, name_invalid, unsupported
from windlass.registry.server.wire import need_digest

_VERSION = "/acr/v1/"

Kind = Literal["catalog", "repository", "tags", "tag", "manifests", "manifest"]

_METHODS: dict[Kind, tuple[str, ...]] = {
    "catalog": ("GET", "HEAD"),
    "repository": ("GET", "HEAD", "PATCH", "DELETE"),
    "tags": ("GET", "HEAD"),
    "tag": ("GET", "HEAD", "PATCH", "DELETE"),
    "manifests": ("GET", "HEAD"),
    "manifest": ("GET", "HEAD", "PATCH"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """`item` is a tag or a digest, checked."""

    kind: Kind
    name: str = ""
    item: str = ""


def read_path(path: str) -> Place:
    """Read a decoded path. No part of a name begins with an underscore, so the name ends at the first that does.

    Raises:
        Problem: 404 for a path that means nothing, NAME_INVALID, DIGEST_INVALID, or 404 for a tag that cannot be one.
    """
    if not path.startswith(_VERSION):
        raise Problem(404, "UNSUPPORTED", "no such path")
    parts = path[len(_VERSION) :].split("/")
    if parts == ["_catalog"]:
        return Place("catalog")
    end = next((at for at, part in enumerate(parts) if part.startswith("_")), len(parts))
    name, rest = "/".join(parts[:end]), parts[end:]
    if not is_name(name):
        raise name_invalid(name)
    match rest:
        case []:
            return Place("repository", name)
        case ["_tags"]:
            return Place("tags", name)
        case ["_manifests"]:
            return Place("manifests", name)
        case ["_tags", tag]:
            if not is_tag(tag):
                raise tag_unknown()
            return Place("tag", name, tag)
        case ["_manifests", digest]:
            return Place("manifest", name, need_digest(digest))
    raise Problem(404, "UNSUPPORTED", "no such path")


def check_method(place: Place, method: str) -> None:
    """Raises Problem 405."""
    if method not in _METHODS[place.kind]:
        raise unsupported(method)


def needed_scope(place: Place, method: str) -> ResourceScope:
    """What a caller must be granted ("Repository-scoped permissions": metadata_read, metadata_write, content delete)."""
    if place.kind == "catalog":
        return CATALOG
    actions = {"PATCH": "metadata_write", "DELETE": "delete"}
    return repository_scope(place.name, actions.get(method, "metadata_read"))


def tag_unknown() -> Problem:
    return Problem(404, "TAG_UNKNOWN", "the specified tag does not exist")
