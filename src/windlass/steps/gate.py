"""What may be deployed: asked when everything is ready and nothing has been touched."""

from __future__ import annotations

from windlass.errors import Refused
from windlass.model.project import Environment
from windlass.model.release import Kind, Record, Release
from windlass.state.interface import running_release
from windlass.state.quarantine import Quarantine, content, quarantine_of


def refuse(
    release: Release, kind: Kind, environment: Environment, records: tuple[Record, ...], *, retry: bool = False
) -> Quarantine | None:
    """Refuse a release that the environment does not take.

    What serves already is let through: it is looked at, and repaired at most.

    Args:
        records: the environment's history, newest first.
        retry: somebody said to deploy it though it is in quarantine.

    Returns:
        The quarantine that this deployment lifts, if it is in one.

    Raises:
        Refused: with who, when and why.
    """
    serving = running_release(records)
    if serving is not None and content(serving) == content(release):
        return None
    known = quarantine_of(release, records)
    if known is not None and not retry:
        raise _in_quarantine(release, kind, environment, known)
    return known


def _in_quarantine(release: Release, kind: Kind, environment: Environment, known: Quarantine) -> Refused:
    same = "" if known.release.id == release.id else f" as {known.release.id}, which has the same content"
    return Refused(
        f"{release.id} is in quarantine{same} since {known.since} ({known.by}): {known.why}",
        where=environment.name,
        remedy=f"deliver a commit that mends it; with --retry the same {kind} is done all the same, and recorded so",
    )
