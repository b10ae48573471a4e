"""What people call images of the project's registry: `platform:main-abc1234`, `crank-platform@0123456789ab`. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from windlass.errors import UsageError
from windlass.model.project import Project
from windlass.oci import digest as digests
from windlass.oci import reference as references
from windlass.registry.retention.model import Repository

_SHORTEST = 6


@dataclass(frozen=True, slots=True)
class Named:
    """A service or repository as it was written, and what follows it: a tag, a digest or its first digits, or nothing."""

    name: str
    tag: str | None = None
    digest: str | None = None


def split(text: str, host: str) -> Named:
    """Take `[HOST/]NAME[:TAG]` or `[HOST/]NAME@DIGEST` apart; the host may be left out.

    Raises:
        UsageError: it is neither.
    """
    rest, at, digest = text.removeprefix(f"{host}/").partition("@")
    name, colon, tag = rest, "", ""
    if ":" in rest.rpartition("/")[2]:
        name, colon, tag = rest.rpartition(":")
    if not references.is_repository(name):
        raise UsageError(f"'{text[:120]}' does not name an image", remedy="write it as SERVICE:TAG or SERVICE@DIGEST")
    if at and not _is_prefix(digest):
        raise UsageError(f"'{digest[:80]}' is no digest", remedy="write sha256: and its digits, or the first of them")
    if colon and not references.is_tag(tag):
        raise UsageError(f"'{tag[:80]}' is not a tag", remedy="a tag has up to 128 letters, digits, '_', '.' and '-'")
    return Named(name, tag if colon else None, digest if at else None)


def repository_of(name: str, project: Project, known: Collection[str]) -> str:
    """The repository (without the host) of a service, or of a repository's own name.

    Args:
        known: repositories that are there.

    Raises:
        UsageError: there is none; or the service's repository has another name, and one of this name is there too.
    """
    registry = project.registry
    service = next((one for one in project.buildable if one.name == name), None)
    inner = registry.repository(name)
    if service is not None:
        own = registry.repository(service.image)
        if own != inner and inner in known:
            raise UsageError(
                f"'{name}' is a service, whose images are in {own}, and also a repository",
                remedy=f"write {service.image}, or {registry.host}/{inner}",
            )
        return own
    for candidate in (inner, name):
        if candidate in known or candidate in (registry.repository(one.image) for one in project.buildable):
            return candidate
    names = [one.name for one in project.buildable]
    names += [one for one in sorted(known) if one not in names]
    close = get_close_matches(name, names, n=1)
    hint = (
        f"did you mean {close[0]}?" if close else f"there are: {', '.join(names)}" if names else "nothing is there yet"
    )
    raise UsageError(f"there is no service or repository '{name}' in {registry.host}", remedy=hint)


def without_pointer(text: str, host: str) -> str:
    """A service or repository as somebody wrote it, for commands about all of its tags.

    Raises:
        UsageError: it names a tag or digest too, or is malformed.
    """
    named = split(text, host)
    if named.tag is not None or named.digest is not None:
        raise UsageError(f"'{text}' names one image, and a service is asked for", remedy=f"write {named.name}")
    return named.name


def pointer_in(repository: Repository, named: Named) -> str:
    """The tag, or the whole digest, that is meant in a repository.

    Raises:
        UsageError: it is not there, or the first digits are those of several.
    """
    if named.digest is not None:
        return _digest_in(repository, named.digest)
    tags = [tag.name for tag in repository.tags]
    if named.tag is None:
        raise UsageError(f"'{named.name}' names no tag", remedy=f"windlass registry tags {named.name} lists them")
    if named.tag in tags:
        return named.tag
    close = get_close_matches(named.tag, tags, n=1)
    hint = f"did you mean {close[0]}?" if close else f"windlass registry tags {named.name} lists them"
    raise UsageError(f"{repository.name} has no tag '{named.tag}'", remedy=hint)


def _digest_in(repository: Repository, text: str) -> str:
    wanted = text if ":" in text else f"sha256:{text}"
    found = sorted({one.digest for one in repository.manifests if one.digest.startswith(wanted)})
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(digests.short(one) for one in found[:5])
        raise UsageError(f"{text} are the first digits of several in {repository.name}: {several}", remedy="write more")
    raise UsageError(
        f"{repository.name} has no image {text}", remedy=f"windlass registry tags {repository.name} lists them"
    )


def _is_prefix(text: str) -> bool:
    algorithm, colon, value = text.rpartition(":")
    digits: Sequence[str] = value
    return (
        len(digits) >= _SHORTEST
        and all(sign in "0123456789abcdef" for sign in digits)
        and (
            not colon or (algorithm == "sha256" and len(digits) <= 64) or (algorithm == "sha512" and len(digits) <= 128)
        )
    )
