"""What `ls`, `tags`, `rm` and `cost` begin with: the registry's content, and who needs what of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from windlass.errors import CredentialsMissing, EnvironmentUnusable

if TYPE_CHECKING:
    from windlass.cli.output import Output
    from windlass.cli.session import Session
    from windlass.oci.client import RegistryClient
    from windlass.registry.retention.model import Inventory
    from windlass.registry.uses import Uses

OWN = ("windlass/fingerprints", "windlass/tests", "windlass/cache")
"""What Windlass itself keeps in a registry, without the prefix."""


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


def survey(client: RegistryClient, names: Collection[str]) -> Inventory:
    from windlass.registry.retention.survey import survey as ask

    return ask(client, names)


@dataclass(frozen=True, slots=True)
class Needs:
    """Who needs which image. `doubt` says why that may not be all, or is None."""

    uses: Uses
    doubt: str | None = None


def needs(session: Session) -> Needs:
    """What the project's environments need, as far as their histories can be read."""
    from windlass.registry.uses import uses

    state = session.view.state
    histories, doubts = {}, []
    for environment in session.project.environments:
        try:
            histories[environment.name] = state.records(environment.name)
        except EnvironmentUnusable as error:
            doubts.append(f"{environment.name}: {error.message}")
    if state.stale is not None:
        doubts.append(f"the remote is away: {state.stale}")
    found = uses(histories, session.project.retention.rollback)
    return Needs(found, "; ".join(doubts) or None)


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
