"""What runs now, told from what a target shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from windlass.deploy.interface import Target
from windlass.errors import WindlassError
from windlass.model.observation import Observation
from windlass.model.release import Release
from windlass.waiting import Clock, DeadlinePassed, wait_for

_PATIENCE = 10.0
_EVERY = 0.5


@dataclass(frozen=True, slots=True)
class Running:
    """`release` is what runs, where it is one of those known; `well` that nothing of it is missing or unhealthy. `text` says it
    for people. `known` is False when the target does not answer: nothing is known then."""

    release: Release | None
    well: bool
    text: str
    known: bool = True


def running_now(target: Target, candidates: Sequence[Release], clock: Clock, *, patience: float = _PATIENCE) -> Running:
    """Look what runs; a target that does not answer at once is asked again for a moment (`patience`, in seconds)."""
    said: list[str] = []

    def look() -> Observation | None:
        try:
            return target.observe()
        except (WindlassError, OSError) as error:
            said.append(str(error))
            return None

    try:
        seen = wait_for(look, lambda found: found is not None, seconds=patience, every=_EVERY, clock=clock)
    except DeadlinePassed:
        seen = None
    if seen is None:
        return Running(None, False, f"what runs now is not known: {said[-1]}", known=False)
    return tell(seen, candidates)


def tell(seen: Observation, candidates: Sequence[Release]) -> Running:
    """Which of some releases an observation shows, by the digests of its services. Pure.

    Where two have the same images (their files alone differ), the one that more of the services came from; the first of
    `candidates` when that decides nothing.
    """
    if not seen.services:
        return Running(None, False, "nothing runs now")
    whole = [release for release in candidates if release.active and _is_whole(seen, release)]
    if not whole:
        parts = ", ".join(
            f"{state.service} of {state.release or 'no known release'}" + ("" if state.well else f" ({state.health})")
            for state in seen.services
        )
        return Running(None, False, f"what runs now is no whole release: {parts}")
    found = max(whole, key=lambda release: sum(state.release == release.id for state in seen.services))
    names = {service.name for service in found.active}
    unwell = [f"{one.service} is {one.health}" for one in seen.services if one.service in names and not one.well]
    return Running(found, not unwell, f"{found.id} runs now" + (f", but {', '.join(unwell)}" if unwell else ""))


def missing(release: Release, seen: Observation) -> tuple[str, ...]:
    """The services of a release that have no container, those whose image is not built here included. Pure."""
    built = (service.name for service in release.active if seen.service(service.name) is None)
    return tuple(dict.fromkeys((*built, *seen.missing)))


def _is_whole(seen: Observation, release: Release) -> bool:
    states = {service.name: seen.service(service.name) for service in release.active}
    return all(
        (state := states[service.name]) is not None and state.digest == service.digest for service in release.active
    )
