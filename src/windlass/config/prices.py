"""`cost` in `windlass.yaml`: what a registry's storage costs."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from windlass.config.section import Section
from windlass.model.prices import AZURE

_DATE = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?")
_MOST = 10**9


def _date(value: Any) -> Any:
    if isinstance(value, str) and not _DATE.fullmatch(value):
        raise ValueError("expected a month or a day such as 2026-06 or 2026-06-19")
    return value


class TierSection(Section):
    """One tier of a registry, per month of 30 days."""

    month: float = Field(ge=0, le=_MOST, description="Price per month, whatever is stored.", examples=[5.0])
    included_gib: float = Field(default=0, ge=0, le=_MOST, description="Storage in that price, in GiB.", examples=[10])
    gib_month: float = Field(
        default=0, ge=0, le=_MOST, description="Price per month of each GiB beyond that.", examples=[0.1]
    )
    most_gib: float | None = Field(
        default=None, gt=0, le=_MOST, description="The most it can store, in GiB. Default: no limit.", examples=[40960]
    )


class CostSection(Section):
    """Prices that `registry cost` counts with. Default: the tiers of Azure Container Registry."""

    tier: str | None = Field(
        default=None, min_length=1, description="The tier that is paid for now.", examples=["basic"]
    )
    currency: str = Field(default=AZURE.currency, min_length=1, max_length=8, description="As shown.", examples=["USD"])
    as_of: Annotated[str, BeforeValidator(_date)] | None = Field(
        default=None, description="When the prices were right; required beside `tiers`.", examples=["2026-06"]
    )
    tiers: dict[str, TierSection] = Field(
        default={},
        description="The tiers there are, by name; they replace the ones Windlass knows.",
        examples=[{"basic": {"month": 5.0, "included_gib": 10, "gib_month": 0.1}}],
    )

    @model_validator(mode="after")
    def _dated(self) -> CostSection:
        if self.tiers and self.as_of is None:
            raise ValueError("expected as_of beside tiers: prices need a date")
        known = tuple(self.tiers) or tuple(tier.name for tier in AZURE.tiers)
        if self.tier is not None and self.tier not in known:
            raise ValueError(f"expected tier to be one of {', '.join(known)}")
        return self
