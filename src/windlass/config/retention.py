"""`retention` in `windlass.yaml`: which images `registry prune` keeps."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from windlass.config.duration import PATTERN, parse_duration
from windlass.config.section import Section

_MOST = 1_000_000
_BRANCH = re.compile(r"[^\s:\\^~?\[]{1,200}")
_NEVER = "never"


def _age(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("expected a duration such as 30d or 12h")
    return parse_duration(value)


def _idle(value: Any) -> Any:
    if value == _NEVER:
        return math.inf
    try:
        return _age(value)
    except ValueError:
        raise ValueError("expected a duration within a year such as 90d, or never") from None


def _count(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST:
        raise ValueError(f"expected a whole number from 1 to {_MOST}")
    return value


def _branches(value: Any) -> Any:
    if isinstance(value, dict):
        for name in value:
            if not isinstance(name, str) or not _BRANCH.fullmatch(name):
                raise ValueError("expected branches as keys, in which only * has a meaning")
    return value


Age = Annotated[float, BeforeValidator(_age), WithJsonSchema({"type": "string", "pattern": PATTERN})]
Idle = Annotated[float, BeforeValidator(_idle), WithJsonSchema({"type": "string", "pattern": f"{PATTERN}|^{_NEVER}$"})]
"""Seconds; infinity for `never`."""
Count = Annotated[int, BeforeValidator(_count), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": _MOST})]


class RetentionSection(Section):
    """What a clean-up of the registry keeps, beside all that runs, that a rollback needs, or that is locked."""

    keep: Count = Field(
        default=10, description="How many of the newest images of a service stay, for each branch.", examples=[10]
    )
    branches: Annotated[dict[str, Count], BeforeValidator(_branches)] = Field(
        default={},
        description="The same for some branches; * stands for any characters. Others: `keep`.",
        examples=[{"main": 10, "develop": 5, "*": 3}],
    )
    older_than: Age | None = Field(
        default=None, description="Younger images stay, however many there are.", examples=["7d"]
    )
    idle: Idle | None = Field(
        default=None,
        description="A branch without a new image for this long keeps none, unless it is an environment's or named"
        " in `branches`. Default: 90d; `never`: its newest stay for ever.",
        examples=["90d"],
    )
    rollback: Count = Field(
        default=10, description="How many of the last healthy releases of each environment stay.", examples=[10]
    )
    cache: Age | None = Field(
        default=None,
        description="Layer caches go when nothing was written to them for this long. Default: 30d.",
        examples=["30d"],
    )
    tests: Age | None = Field(
        default=None, description="Records of passed tests go after this long. Default: 90d.", examples=["90d"]
    )
