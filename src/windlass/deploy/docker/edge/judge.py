"""Whether a release that users have reached for a moment does worse than the one before. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from windlass.deploy.docker.edge.commands import Tally
from windlass.model.observation import Asked

_FEW = 3
"""Errors that are forgiven: a connection that was cut by its client looks like one."""

_MORE = 0.05
"""How much larger the share of errors may be than it was before."""


@dataclass(frozen=True, slots=True)
class Look:
    """One service at one moment: restarts and state by container id, what these answered, and what others did before."""

    restarts: Mapping[str, int]
    states: Mapping[str, str]
    tally: Tally
    others: Tally


def judge(
    before: Mapping[str, Look], after: Mapping[str, Look], asked: Mapping[str, Asked] | None = None
) -> dict[str, str]:
    """Service → what is wrong, comparing the moment of the switch with a later one.

    Args:
        asked: what the checks themselves have asked of each service since the switch, known at a moment after the look.
            An answer that they provoke on purpose is no error of the release, and they judge all others.
    """
    wrong = {}
    for service, then in before.items():
        now = after.get(service)
        own = (asked or {}).get(service, Asked())
        reason = "its container is gone" if now is None or not now.restarts else _reason(then, now, own)
        if reason:
            wrong[service] = reason
    return wrong


def _reason(then: Look, now: Look, own: Asked) -> str:
    restarted = sum(now.restarts[id] - then.restarts.get(id, 0) for id in now.restarts)
    if restarted > 0:
        return "it was restarted after the switch"
    state = next((state for state in now.states.values() if state in ("exited", "unhealthy", "restarting")), None)
    if state is not None and state not in then.states.values():
        return f"it is {state} after the switch"
    seen = _of_users(now.tally.since(then.tally), own)
    earlier = then.tally + now.others  # its own, where it was not replaced
    usual = earlier.errors / earlier.total if earlier.total else 0.0
    if seen.errors > _FEW and seen.errors > (usual + _MORE) * seen.total:
        return f"{seen.errors} of {seen.total} requests failed after the switch"
    return ""


def _of_users(seen: Tally, own: Asked) -> Tally:
    """Without what the checks asked. What they ask at this very moment may not be in the tally yet: no count goes below
    zero, and nobody's error is made of that."""
    errors = max(0, seen.errors - own.errors)
    return Tally(max(errors, seen.total - own.total), errors, seen.open)
