"""What `ls`, `tags`, `rm` and `cost` begin with: the registry's content, and who needs what of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from windlass.errors import CredentialsMissing, EnvironmentUnusable, WindlassError

if TYPE_CHECKING:
    from windlass.cli.output import Output
    from windlass.cli.session import Session
    from windlass.model.release import Record
    from windlass.oci.client import RegistryClient
    from windlass.registry.manage.overview import TagRow
    from windlass.registry.manage.uses import Uses
    from windlass.registry.retention.model import Inventory, Repository
    from windlass.registry.retention.scope import Scope

OWN = ("windlass/fingerprints", "windlass/tests", "windlass/cache")
"""What Windlass itself keeps in a registry, without the prefix."""

_CONFIGURATION = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Listing:
    """Names of repositories. `partial` says why they are the project's only, or is None."""

    names: tuple[str, ...]
    partial: str | None = None


def listing(client: RegistryClient, session: Session) -> Listing:
    """All repositories of the registry; where it does not list them, those that the project knows of.

    Raises:
        RegistryUnavailable, CredentialsMissing
    """
    from windlass.oci.faults import Malformed, NotFound, Rejected

    try:
        return Listing(tuple(sorted(set(client.repositories()))))
    except (NotFound, Rejected, Malformed):
        return Listing(tuple(projects(session)), "it does not list its repositories")
    except CredentialsMissing:
        return Listing(tuple(projects(session)), "this account may not list its repositories")


def projects(session: Session) -> list[str]:
    """The repositories that the project knows of: its services', and what Windlass keeps."""
    registry = session.project.registry
    names = [*(service.image for service in session.project.buildable), *OWN]
    return sorted({registry.repository(name) for name in names})


def services(session: Session) -> dict[str, str]:
    """Repositories to the services whose images they hold."""
    return {session.project.registry.repository(one.image): one.name for one in session.project.buildable}


def weighed_with(name: str, session: Session) -> list[str]:
    """A repository, and those that may share content with it: the project's images and caches."""
    registry = session.project.registry
    small = {registry.repository(one) for one in OWN[:2]}
    return [one for one in sorted({name, *projects(session)}) if one not in small or one == name]


def survey(client: RegistryClient, session: Session, names: Collection[str]) -> Inventory:
    """What some repositories hold. Where the registry tells no times, a tag is as old as the commit that it names, or the
    record of its image's build.

    Raises:
        RegistryUnavailable, CredentialsMissing, Rejected, Malformed
    """
    from windlass.registry.retention.ages import dated
    from windlass.registry.retention.survey import survey as ask

    inventory = ask(client, names)
    if inventory.untags or all(tag.pushed for one in inventory.repositories for tag in one.tags):
        return inventory
    return dated(inventory, scope(session, ()), commit_times(session))


def scope(session: Session, repositories: Sequence[str]) -> Scope:
    """The project's part of the registry, with other repositories that its releases came from."""
    from windlass.build.requests import cache_reference
    from windlass.registry.retention.scope import scope_of

    project = session.project
    return scope_of(project, repositories, lambda image: cache_reference(project, image).rpartition(":")[2])


def commit_times(session: Session) -> dict[str, float]:
    """The times of all commits here, by their short ids; where several share one, the latest."""
    found: dict[str, float] = {}
    for line in session.repository.git("rev-list", "--all", "--timestamp").splitlines():
        moment, _, commit = line.partition(" ")
        found[commit[:7]] = max(float(moment), found.get(commit[:7], 0.0))
    return found


def with_configurations(client: RegistryClient, repository: Repository, rows: Sequence[TagRow]) -> list[TagRow]:
    """The same rows; images that are a single manifest say in their configuration what they are for."""
    from concurrent.futures import ThreadPoolExecutor

    from windlass.oci.faults import Malformed, NotFound
    from windlass.registry.manage.overview import configuration_of, configured

    def one(row: TagRow) -> TagRow:
        digest = configuration_of(repository, row)
        if digest is None:
            return row
        try:
            return configured(row, client.read_blob(repository.name, digest, _CONFIGURATION))
        except (NotFound, Malformed):
            return row

    with ThreadPoolExecutor(8, thread_name_prefix="windlass-look") as pool:
        return list(pool.map(one, rows))


@dataclass(frozen=True, slots=True)
class Needs:
    """Who needs which image. `doubt` says why that may not be all, or is None."""

    uses: Uses
    doubt: str | None = None


def needs(session: Session) -> Needs:
    """What environments need, also those that windlass.yaml no longer names, as far as their histories can be read."""
    from windlass.registry.manage.uses import uses
    from windlass.state.environments import histories

    project = session.project
    try:
        found = {
            _named(name, session): records
            for name, records in histories(session.repository, project.state_remote).items()
        }
        return Needs(uses(found, project.retention.rollback))
    except EnvironmentUnusable as error:
        return Needs(uses(_known(session), project.retention.rollback), error.message)


def everywhere(session: Session, known: Needs) -> Needs:
    """The same for who removes: with the containers of this machine and of environments' engines, and in doubt where others
    may deploy unseen."""
    from windlass import wiring
    from windlass.oci.transport import is_loopback
    from windlass.registry.manage.uses import with_containers
    from windlass.registry.retention.here import here, on_engines

    registry = session.project.registry
    doubt = known.doubt
    if doubt is None and session.project.state_remote is None and not is_loopback(registry.host):
        doubt = "deployments are recorded in this repository only (windlass.yaml has no state: {remote: …})"
    elsewhere = on_engines(wiring.engines(session.project), registry.host)
    return Needs(with_containers(known.uses, here(registry.host), elsewhere), doubt)


def unlisted(client: RegistryClient, repository: Repository, uses: Uses) -> frozenset[str]:
    """Manifests of images that somebody needs and the registry does not list, because no tag leads to them any more."""
    from windlass.oci.faults import Malformed, NotFound
    from windlass.oci.relay import manifests_of

    if repository.complete:
        return frozenset()
    there = {one.digest for one in repository.manifests}
    found: set[str] = set()
    for digest, by in uses.items():
        if digest not in there and any(use.image.endswith(f"/{repository.name}") for use in by):
            try:
                found.update(one.descriptor.digest for one in manifests_of(client, repository.name, digest))
            except (NotFound, Malformed):
                continue
    return frozenset(found)


def _named(ref: str, session: Session) -> str:
    """The environment as windlass.yaml calls it: refs cannot hold every name."""
    from windlass.state.git_ref import ref_name

    names = (one.name for one in session.project.environments)
    return next((name for name in names if ref_name(name) == ref_name(ref)), ref)


def _known(session: Session) -> dict[str, tuple[Record, ...]]:
    """What this clone knows of the project's environments."""
    found: dict[str, tuple[Record, ...]] = {}
    for environment in session.project.environments:
        try:
            found[environment.name] = session.view.state.records(environment.name)
        except WindlassError:
            continue
    return found


@dataclass(frozen=True, slots=True)
class Disk:
    """The embedded registry's own folder: bytes of content, and of it what no manifest needs."""

    root: str
    content: int
    unused: int


@dataclass(frozen=True, slots=True)
class Saving:
    """What `windlass registry prune` would delete and free (bytes), or why that cannot be said."""

    images: int = 0
    frees: int = 0
    unknown: str | None = None


def saving(session: Session, inventory: Inventory) -> Saving:
    """What a clean-up would free, judged as `windlass registry prune` judges."""
    import time

    from windlass.registry.retention.policy import plan
    from windlass.registry.retention.protected import protect
    from windlass.state.environments import histories, waiting

    project = session.project
    try:
        found = histories(session.repository, project.state_remote)
        held = waiting(session.repository, project.state_remote, found)
        protected = protect(found, project.registry.host, project.retention.rollback, held)
    except EnvironmentUnusable as error:
        return Saving(unknown=error.message)
    own = scope(session, sorted(protected.repositories))
    judged = plan(inventory, protected, project.retention, own, time.time())
    return Saving(sum(1 for one in judged.deletions if one.kind == "manifest"), judged.frees)


def disk() -> Disk | None:
    """How much disk the embedded registry takes here; None when it never ran."""
    from windlass import wiring
    from windlass.registry.server.storage.blobs import stored_bytes
    from windlass.registry.server.upkeep.once import collect_root

    root = wiring.registry_root()
    if not root.is_dir():
        return None
    try:
        done = collect_root(root, grace=0.0, dry_run=True)
        unused = sum(int(done[kind]["size"]) for kind in ("blobs", "uploads", "recent"))
    except WindlassError:
        unused = 0  # it is being collected at this moment
    return Disk(str(root), stored_bytes(root), unused)


def tell_partial(listing: Listing, host: str, out: Output) -> None:
    if listing.partial is not None:
        out.say(f"[yellow]note[/]  {out.plain(host)}: {listing.partial}; these are the project's own", indent=6)


def ago(moment: float | None, now: float) -> str:
    """A time for a table: "5 min ago", "3 days ago"."""
    if moment is None:
        return "-"
    seconds = max(0.0, now - moment)
    for unit, length, until in (("s", 1, 100), ("min", 60, 100), ("hours", 3600, 48), ("days", 86400, 100)):
        if seconds < length * until:
            count = int(seconds // length)
            return f"{count} {unit.removesuffix('s') if count == 1 and unit != 's' else unit} ago"
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"


def stamp(moment: float | None) -> str | None:
    """A time for programs: ISO 8601, UTC."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds") if moment is not None else None
