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
    given = partial.part(MODEL, ["api"], {"db": "d1"})
    assert list(given["services"]) == ["api"]
    assert given["services"]["api"]["depends_on"] == {}
    assert given["networks"] == MODEL["networks"]


def test_changed_services_keep_their_order_among_themselves() -> None:
    given = partial.part(MODEL, ["web", "api"], {})
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


def test_a_lodger_that_changes_alone_joins_the_container_of_its_host_which_stays() -> None:
    given = partial.part(MODEL, ["probe"], {"api": "a1", "db": "d1"})["services"]
    assert given == {"probe": {"image": "probe", "network_mode": "container:a1", "depends_on": {}}}


def test_a_lodger_that_is_replaced_with_its_host_waits_for_the_new_one() -> None:
    given = partial.part(MODEL, ["probe", "api"], {"api": "a1"})["services"]
    assert given["probe"]["network_mode"] == "service:api"


def test_volumes_of_a_service_that_stays_come_from_its_container() -> None:
    model = {"services": {"db": {}, "backup": {"volumes_from": ["db:ro", "container:other"]}}}
    given = partial.part(model, ["backup"], {"db": "d1"})["services"]
    assert given["backup"]["volumes_from"] == ["container:d1:ro", "container:other"]


def test_who_asks_to_be_restarted_with_another_service_is_affected_by_it() -> None:
    web = {"depends_on": {"api": {"condition": "service_started", "restart": True}}}
    assert partial.affected({"services": {"api": {}, "web": web}}, ["api"]) == {"api", "web"}


def test_what_configs_and_secrets_are_made_from_counts_for_those_who_use_them() -> None:
    def hashes(path: str, token: str) -> dict[str, str]:
        model = {
            "configs": {"app": {"file": path}},
            "secrets": {"token": {"environment": "TOKEN"}},
            "services": {
                "web": {"configs": [{"source": "app"}]},
                "api": {"secrets": [{"source": "token"}]},
                "db": {},
            },
        }
        return partial.with_resources(model, {"web": "h1", "api": "h2", "db": "h3"}, {"TOKEN": token})

    before = hashes("/copies/1/app.conf", "hidden")
    assert before == hashes("/copies/1/app.conf", "hidden") and before["db"] == "h3"
    assert "hidden" not in str(before)
    other_file, other_value = hashes("/copies/2/app.conf", "hidden"), hashes("/copies/1/app.conf", "changed")
    assert other_file["web"] != before["web"] and other_file["api"] == before["api"]
    assert other_value["api"] != before["api"] and other_value["web"] == before["web"]


def test_the_order_of_start_is_no_part_of_what_runs() -> None:
    reordered = {**MODEL, "services": {**MODEL["services"], "web": {"image": "web"}}}
    assert partial.without_order(MODEL)["services"]["web"] == partial.without_order(reordered)["services"]["web"] | {}


def test_the_hash_becomes_a_label_beside_the_user_s() -> None:
    labelled = partial.with_hashes({"services": {"db": {"labels": {"a": "b"}}}}, {"db": "h1"})
    assert labelled["services"]["db"]["labels"] == {"a": "b", "dev.windlass.config": "h1"}
    assert MODEL["services"]["db"] == {"image": "db"}
