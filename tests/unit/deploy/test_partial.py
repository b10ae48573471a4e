"""A switch gives Compose what changes; the rest of the model stays out of its sight."""

from __future__ import annotations

from typing import Any

from windlass.deploy.docker import changes, partial
from windlass.deploy.interface import Change

HEALTHY = {"condition": "service_healthy"}
MODEL: dict[str, Any] = {
    "networks": {"default": {}},
    "services": {
        "db": {"image": "db"},
        "api": {"image": "api", "depends_on": {"db": HEALTHY}},
        "web": {"image": "web", "depends_on": {"api": HEALTHY}},
        "probe": {"image": "probe", "network_mode": "service:api"},
    },
}


def test_a_changed_service_does_not_bring_its_dependants_or_dependencies() -> None:
    given = partial.part(MODEL, ["api"])
    assert list(given["services"]) == ["api"]
    assert given["services"]["api"]["depends_on"] == {}
    assert given["networks"] == MODEL["networks"]


def test_changed_services_keep_their_order_among_themselves() -> None:
    given = partial.part(MODEL, ["web", "api"])
    assert given["services"]["web"]["depends_on"] == {"api": HEALTHY}


def test_who_lives_in_a_replaced_service_s_network_is_replaced_too() -> None:
    assert partial.affected(MODEL, ["api"]) == {"api", "probe"}
    computed = changes.with_lodgers(
        (Change("api", "recreate"), Change("probe", "keep"), Change("web", "keep")),
        lambda names: partial.affected(MODEL, names),
    )
    assert {change.service: change.action for change in computed} == {
        "api": "recreate",
        "probe": "recreate",
        "web": "keep",
    }


def test_a_lodger_that_changes_alone_finds_its_host_in_the_model() -> None:
    assert set(partial.part(MODEL, ["probe"])["services"]) == {"api", "probe"}


def test_the_order_of_start_is_no_part_of_what_runs() -> None:
    reordered = {**MODEL, "services": {**MODEL["services"], "web": {"image": "web"}}}
    assert partial.without_order(MODEL)["services"]["web"] == partial.without_order(reordered)["services"]["web"] | {}


def test_the_hash_becomes_a_label_beside_the_user_s() -> None:
    labelled = partial.with_hashes({"services": {"db": {"labels": {"a": "b"}}}}, {"db": "h1"})
    assert labelled["services"]["db"]["labels"] == {"a": "b", "dev.windlass.config": "h1"}
    assert MODEL["services"]["db"] == {"image": "db"}
