"""Which services of the Compose files run on a developer's machine. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from windlass.compose.load import ComposeModel
from windlass.errors import UsageError
from windlass.model.observation import Observation

_STOPPED = (0, 137, 143)
"""By itself when asked to, by SIGKILL, by SIGTERM."""


@dataclass(frozen=True, slots=True)
class Choice:
    """`services` run, in the order of the Compose files. `left_out` maps a service that could run to why it does not."""

    services: tuple[str, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)


def choose(
    model: ComposeModel,
    *,
    names: Sequence[str] = (),
    profiles: Iterable[str] = (),
    heavy: frozenset[str] = frozenset(),
    minimal: bool = False,
    alone: bool = False,
) -> Choice:
    """The services to run: those named and what they need (not if they are to be `alone`), or all whose profile is active.

    Args:
        model: loaded with all profiles.
        names: services asked for; their own profiles count as active then, as with `docker compose up NAME`.
        heavy: services that `minimal` leaves out, also where another one depends on them.

    Raises:
        UsageError: there is no service of that name.
    """
    every: Mapping[str, Mapping[str, Any]] = model.get("services") or {}
    for name in names:
        if name not in every:
            close = get_close_matches(name, every, n=1)
            hint = f"did you mean {close[0]}?" if close else f"the Compose files have {', '.join(every)}"
            raise UsageError(f"there is no service '{name}'", remedy=hint)
    active = frozenset(profiles)
    wanted = set(names) or {name for name, service in every.items() if _is_active(service, active)}
    left_out = {name: "it is heavy" for name in every if minimal and name in wanted and name in heavy}
    chosen: set[str] = set()
    waiting = sorted(wanted - left_out.keys())
    while waiting:
        name = waiting.pop()
        if name in chosen:
            continue
        chosen.add(name)
        if alone:
            continue
        for needed, how in (every[name].get("depends_on") or {}).items():
            if minimal and needed in heavy:
                left_out.setdefault(needed, "it is heavy")
            elif needed in every and (how or {}).get("required", True):
                waiting.append(needed)
    return Choice(tuple(name for name in every if name in chosen), left_out)


def set_aside(running: Observation, heavy: frozenset[str]) -> tuple[str, ...]:
    """Heavy services that somebody stopped, as `start-min` does: they are meant to be down. One that ended by itself with
    an error is none of them."""
    return tuple(
        state.service
        for state in running.services
        if state.service in heavy and state.health == "exited" and state.exit_code in _STOPPED
    )


def _is_active(service: Mapping[str, Any], profiles: frozenset[str]) -> bool:
    own = service.get("profiles") or ()
    return not own or "*" in profiles or any(profile in profiles for profile in own)
