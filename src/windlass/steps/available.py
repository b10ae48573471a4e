"""Whether the images of an earlier release are still there: asked before anything is touched."""

from __future__ import annotations

from collections.abc import Iterable

from windlass.deploy.interface import Target
from windlass.errors import Refused
from windlass.model.project import Environment
from windlass.model.release import Kind, Record, Release, ReleasedService
from windlass.state.interface import running_release
from windlass.state.quarantine import content, quarantined
from windlass.steps.tools import Tools

_LOOKED_AT = 20
_NAMED = 5


def refuse_pruned(
    release: Release, kind: Kind, environment: Environment, records: tuple[Record, ...], tools: Tools
) -> None:
    """Refuse a release whose images are neither on the target nor in the project's registry any more.

    Images of other registries are left to the deployment: nobody asks those.

    Args:
        records: the environment's history, newest first.

    Raises:
        Refused: names them, and the releases that can be gone back to instead.
        EngineUnavailable, RegistryUnavailable, CredentialsMissing: nobody knows; nothing was touched.
    """
    target = tools.target(environment)
    gone = _gone([release], target, tools).get(release.id)
    if not gone:
        return
    names = ", ".join(f"{service.name} ({service.reference})" for service in gone)
    are = "is" if len(gone) == 1 else "are"
    raise Refused(
        f"{release.id} cannot run any more: its image{'' if len(gone) == 1 else 's'} {names} {are} "
        "neither in the registry nor on the engine",
        where=environment.name,
        remedy=_instead(release, kind, environment, records, target, tools),
    )


def _instead(
    release: Release,
    kind: Kind,
    environment: Environment,
    records: tuple[Record, ...],
    target: Target,
    tools: Tools,
) -> str:
    again = f"a run of its commit {release.commit[:7]} builds them again: windlass run --commit {release.commit[:7]}"
    if kind != "rollback":
        return again
    current = running_release(records)
    held = (one.release for one in quarantined(records))  # they would be refused, too
    passed = {content(one) for one in (release, current, *held) if one is not None}
    others: list[Release] = []
    for record in records:
        if record.outcome == "healthy" and content(record.release) not in passed:
            passed.add(content(record.release))
            others.append(record.release)
    others = others[:_LOOKED_AT]
    gone = _gone(others, target, tools)
    whole = [one.id for one in others if not gone.get(one.id)][:_NAMED]
    if not whole:
        return f"no other earlier release can be gone back to; {again}"
    return f"windlass rollback {environment.name} RELEASE goes back to one of these: {', '.join(whole)}; or {again}"


def _gone(releases: Iterable[Release], target: Target, tools: Tools) -> dict[str, list[ReleasedService]]:
    """Release id → the services whose images are nowhere."""
    host = f"{tools.project.registry.host}/"
    lacking = {
        release.id: [service for service in target.lacking(release) if service.image.startswith(host)]
        for release in releases
    }
    wanted = {_key(service, host) for services in lacking.values() for service in services}
    missing = tools.images.missing(sorted(wanted)) if wanted else frozenset()
    return {id: [one for one in services if _key(one, host) in missing] for id, services in lacking.items()}


def _key(service: ReleasedService, host: str) -> tuple[str, str]:
    return service.image.removeprefix(host), service.digest
