"""`windlass registry copy`: an image with all its platforms and what refers to it, somewhere else or under another tag."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from windlass.cli.session import Session
    from windlass.oci.client import RegistryClient
    from windlass.oci.copy import Copied
    from windlass.oci.interface import Progress
    from windlass.oci.relay import Place

EXAMPLE = "windlass registry copy platform:main-abc1234 platform:latest"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="SERVICE:TAG, or HOST/REPOSITORY with :TAG or @DIGEST")
    parser.add_argument("target", metavar="TARGET", help="the same; without a tag it gets the source's")
    parser.add_argument("--no-referrers", action="store_true", help="leave signatures, SBOMs and reports behind")
    parser.add_argument(
        "--insecure", action="append", default=[], metavar="HOST", help="a registry that speaks plain http"
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    options.directory(parser)
    options.as_json(parser)


@dataclass(frozen=True, slots=True)
class Named:
    """An image as it was written: its registry, its repository there, and a tag, a digest or neither."""

    host: str
    repository: str
    tag: str | None
    digest: str | None

    def __str__(self) -> str:
        from windlass.oci.reference import Reference

        return Reference(self.host, self.repository, self.tag, self.digest).familiar


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.output import output, print_json
    from windlass.errors import UsageError
    from windlass.oci.copy import copy_image
    from windlass.oci.relay import Place

    session = _session(arguments)
    source, target = _named(arguments.source, session), _named(arguments.target, session)
    pointer = source.digest or source.tag
    if pointer is None:
        raise UsageError(f"{arguments.source} names no tag", remedy=f"write {arguments.source}:TAG, or @DIGEST")
    tags = (target.tag,) if target.tag else (source.tag,) if source.tag and not target.digest else ()
    clients: dict[str, RegistryClient] = {}
    for one in (source, target):
        if one.host not in clients:
            clients[one.host] = _client(one.host, session, arguments.insecure)
    origin = Place(clients[source.host], source.repository)
    with _asked_for(source, origin, pointer), _progress(arguments.quiet or arguments.json) as progress:
        if target.digest is not None:
            _same(origin, pointer, target)
        done = copy_image(
            origin,
            pointer,
            Place(clients[target.host], target.repository),
            tags,
            referrers=not arguments.no_referrers,
            progress=progress,
        )
    whither = Named(target.host, target.repository, tags[0] if tags else None, done.digest if not tags else None)
    if arguments.json:
        print_json(
            {
                "source": str(source),
                "target": str(whither),
                "digest": done.digest,
                "tags": list(done.tags),
                "platforms": list(done.platforms),
                "uploaded_bytes": done.uploaded_bytes,
                "mounted": done.mounted,
                "present": done.present,
                "referrers": done.referrers,
            }
        )
        return 0
    out = output()
    for line in words(source, whither, done):
        out.say(out.plain(line), indent=2)
    return 0


def words(source: Named, target: Named, done: Copied) -> list[str]:
    """What a copy did, in sentences."""
    from windlass.cli.output import short, size

    if (source.host, source.repository) == (target.host, target.repository):
        return [f"{target} is {short(done.digest)} now, as {source} is; nothing had to be copied"]
    parts = [f"{size(done.uploaded_bytes)} sent"] if done.uploaded_bytes else ["nothing had to be sent"]
    parts += [f"{done.mounted} blobs mounted"] if done.mounted else []
    parts += [f"{done.present} blobs were there"] if done.present else []
    parts += [f"{done.referrers} that refer to it"] if done.referrers else []
    what = ", ".join(done.platforms) or "one manifest"
    return [f"copied {source} to {target}", f"  {short(done.digest)}, {what}: {', '.join(parts)}"]


def _named(text: str, session: Session | None) -> Named:
    """An image with a host is what it says; one without is in the project's registry.

    Raises:
        UsageError
    """
    from windlass.errors import UsageError
    from windlass.oci.reference import DOCKER_HUB, parse

    first, slash, _ = text.partition("/")
    if slash and (first == "localhost" or any(sign in first for sign in ".:[")):
        found = parse(text)
        return Named(found.host, found.repository, None if found.digest else found.tag, found.digest)
    if session is None:
        raise UsageError(
            f"{text} names no registry, and no windlass.yaml says which is meant",
            remedy=f"write HOST/{text}; Docker Hub's is {DOCKER_HUB}/library/{text}",
        )
    from windlass.cli.registry.look import projects
    from windlass.oci.digest import is_digest
    from windlass.registry.manage.naming import repository_of, split

    registry = session.project.registry
    asked = split(text, registry.host)
    if asked.digest is not None and not is_digest(asked.digest):
        raise UsageError(f"'{asked.digest}' is not a whole digest", remedy="write sha256: and 64 digits, or a tag")
    return Named(registry.host, repository_of(asked.name, session.project, projects(session)), asked.tag, asked.digest)


def _session(arguments: argparse.Namespace) -> Session | None:
    """The project, where there is one; images with hosts need none."""
    from windlass.cli.session import open_session
    from windlass.errors import EnvironmentUnusable, UsageError

    try:
        return open_session(arguments, on_call=True)
    except (UsageError, EnvironmentUnusable):
        if all("/" in one and any(sign in one.partition("/")[0] for sign in ".:[") for one in _texts(arguments)):
            return None
        raise


def _texts(arguments: argparse.Namespace) -> tuple[str, str]:
    return arguments.source, arguments.target


def _client(host: str, session: Session | None, insecure: list[str]) -> RegistryClient:
    from windlass import wiring
    from windlass.oci.client import RegistryClient

    if session is not None and session.project.registry.host == host:
        wiring.ensure_registry(session.project)
        return wiring.registry_client(session.project)
    return RegistryClient(host, insecure=True if host in insecure else None)


def _same(origin: Place, pointer: str, target: Named) -> None:
    """Raises UsageError: the target's digest is another one; a copy has the source's."""
    from windlass.errors import UsageError

    digest = origin.client.get_manifest(origin.repository, pointer).descriptor.digest
    if digest != target.digest:
        raise UsageError(f"the source is {digest}; a copy has the same digest", remedy="leave the target's digest out")


@contextmanager
def _asked_for(source: Named, origin: Place, pointer: str) -> Iterator[None]:
    """Raises UsageError: the source was never there, in place of what the registry says about a request."""
    from windlass.errors import UsageError
    from windlass.oci.faults import NotFound

    try:
        yield
    except NotFound as error:
        if origin.client.head_manifest(origin.repository, pointer) is not None:
            raise
        hint = f"windlass registry tags {source.repository} lists what the project's registry has"
        raise UsageError(f"there is no {source}", remedy=hint) from error


@contextmanager
def _progress(quiet: bool) -> Iterator[Progress | None]:
    """A line on standard error that says how far it is, on a terminal only."""
    import sys

    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.live import Live
    from rich.text import Text

    from windlass.cli.output import errors, size

    line = Text("copying …", style="dim")
    with Live(line, console=errors().rich, refresh_per_second=8, transient=True):

        def tell(done: int, whole: int) -> None:
            line.plain = f"copying  {size(done)} of {size(whole)}"

        yield tell
