"""How long a registry keeps images: the user's own rules. What may never go is not a matter of choice and not in here."""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86400.0


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """Times are in seconds.

    `keep` is how many of the newest images of a service stay for each branch; `branches` says so for some, as (pattern,
    number), tried in order after branches named in full. What is younger than `older_than` stays anyhow. A branch that is
    named nowhere in full and got no image for `idle` keeps none (None: keeps them for ever). `rollback` counts the healthy
    releases of each environment that stay. Layer caches go when nothing was written to them for `cache`, records of passed
    tests after `tests`.
    """

    keep: int = 10
    branches: tuple[tuple[str, int], ...] = ()
    older_than: float = 0.0
    idle: float | None = 90 * DAY
    rollback: int = 10
    cache: float = 30 * DAY
    tests: float = 90 * DAY


USUAL = RetentionPolicy()
