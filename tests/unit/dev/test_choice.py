from __future__ import annotations

from typing import Any

import pytest

from windlass.dev.choice import Choice, choose
from windlass.errors import UsageError

MODEL: dict[str, Any] = {
    "services": {
        "web": {"depends_on": {"api": {"condition": "service_healthy"}, "brain": {"condition": "service_started"}}},
        "api": {"depends_on": {"db": {"condition": "service_healthy", "required": True}}},
        "db": {},
        "brain": {"depends_on": {"models": {}}},
        "models": {},
        "tool": {"profiles": ["tools"], "depends_on": {"db": {}}},
        "cache": {},
    }
}
HEAVY = frozenset({"brain"})


def test_without_names_every_service_without_a_profile_runs_in_the_order_of_the_file() -> None:
    assert choose(MODEL).services == ("web", "api", "db", "brain", "models", "cache")


def test_a_profile_adds_its_services() -> None:
    assert "tool" in choose(MODEL, profiles=["tools"]).services
    assert "tool" in choose(MODEL, profiles=["*"]).services


def test_a_named_service_brings_what_it_needs_and_nothing_else() -> None:
    assert choose(MODEL, names=["api"]).services == ("api", "db")
    assert choose(MODEL, names=["tool"]).services == ("db", "tool")


def test_heavy_services_stay_away_and_so_does_what_only_they_need_by_dependency() -> None:
    chosen = choose(MODEL, minimal=True, heavy=HEAVY)
    assert chosen == Choice(("web", "api", "db", "models", "cache"), {"brain": "it is heavy"})


def test_a_heavy_dependency_of_a_named_service_is_left_out_when_little_is_wanted() -> None:
    chosen = choose(MODEL, names=["web"], minimal=True, heavy=HEAVY)
    assert chosen == Choice(("web", "api", "db"), {"brain": "it is heavy"})


def test_what_is_to_be_alone_brings_nothing_else() -> None:
    assert choose(MODEL, names=["web", "cache"], alone=True) == Choice(("web", "cache"))


def test_a_dependency_that_is_not_required_is_not_started_for_itself() -> None:
    model: dict[str, Any] = {"services": {"a": {"depends_on": {"b": {"required": False}}}, "b": {"profiles": ["x"]}}}
    assert choose(model).services == ("a",)


def test_services_that_depend_on_each_other_end_the_search() -> None:
    model: dict[str, Any] = {"services": {"a": {"depends_on": {"b": {}}}, "b": {"depends_on": {"a": {}}}}}
    assert choose(model, names=["a"]).services == ("a", "b")


def test_an_unknown_name_is_answered_with_a_near_one() -> None:
    with pytest.raises(UsageError) as caught:
        choose(MODEL, names=["apii"])
    assert caught.value.remedy == "did you mean api?"
