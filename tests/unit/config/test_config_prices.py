"""Prices: Azure's unless the file says others, and never without a date."""

from __future__ import annotations

from typing import Any

import pytest

from windlass.config import load
from windlass.config.models import ProjectSection
from windlass.config.problems import validate
from windlass.config.yaml import parse
from windlass.errors import ConfigError
from windlass.model.prices import AZURE, Prices, Tier


def prices(text: str) -> Prices:
    document = parse(f"project: shop\n{text}".encode(), "windlass.yaml")
    return load._prices(validate(ProjectSection, document.value, document).cost)


def test_without_a_word_they_are_azures() -> None:
    assert prices("") == AZURE
    assert [(tier.name, tier.included_gib) for tier in AZURE.tiers] == [
        ("basic", 10),
        ("standard", 100),
        ("premium", 500),
    ]


def test_the_tier_that_is_paid_for_is_one_of_them() -> None:
    assert prices("cost: {tier: standard}").tier == "standard"
    with pytest.raises(ConfigError, match="basic, standard, premium"):
        prices("cost: {tier: gold}")


def test_other_prices_replace_them() -> None:
    found = prices("cost: {currency: EUR, as_of: 2026-11-02, tier: flat, tiers: {flat: {month: 0, gib_month: 0.1}}}")
    assert found == Prices("EUR", "2026-11-02", (Tier("flat", 0, 0, 0.1),), "flat")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cost: {tiers: {flat: {month: 1}}}", "prices need a date"),
        ("cost: {as_of: soon}", "2026-06"),
        ("cost: {as_of: 2026-13}", "2026-06"),
        ("cost: {as_of: 2026-06, tiers: {flat: {month: -1}}}", "month"),
        ("cost: {as_of: 2026-06, tiers: {flat: {}}}", "month"),
        ("cost: {as_of: 2026-06, tiers: {flat: {month: .nan}}}", "month"),
        ("cost: {as_of: 2026-06, tiers: {flat: {month: 1, most_gib: 0}}}", "most_gib"),
        ("cost: {currency: ''}", "currency"),
        ("cost: {price: 1}", "price"),
        ("cost: 5", "mapping"),
    ],
)
def test_bad_prices_are_refused_where_they_stand(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        prices(text)
    error: Any = caught.value
    assert said in str(error)
    assert "windlass.yaml:2" in str(error)
