"""What storing images costs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier of a registry: prices per month of 30 days, storage in GiB (2**30 bytes); `most_gib` None is no limit."""

    name: str
    month: float
    included_gib: float
    gib_month: float
    most_gib: float | None = None


@dataclass(frozen=True, slots=True)
class Prices:
    """Tiers to choose from, as they were at a date (`as_of`, a month or a day). `tier` names the one that is paid for now."""

    currency: str
    as_of: str
    tiers: tuple[Tier, ...]
    tier: str | None = None


AZURE = Prices(
    "USD",
    "2026-06",
    (
        Tier("basic", 5.00, 10, 0.10, 40 * 1024),
        Tier("standard", 20.00, 100, 0.10, 40 * 1024),
        Tier("premium", 50.00, 500, 0.10, 100 * 1024),
    ),
)
"""Azure Container Registry, list prices (they differ by region and contract): 0.167, 0.667 and 1.667 a day, rounded there,
and 0.003 a day for each further GiB; what is included and the most from "Azure Container Registry SKU features and limits".
"""
