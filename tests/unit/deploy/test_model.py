"""The model that is run, from the model that was loaded."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from windlass.deploy.docker import naming
from windlass.deploy.docker.model import Runnable, select, to_run
from windlass.errors import ConfigError
from windlass.model.project import Environment
from windlass.model.release import Release, ReleasedService

DIGEST = "sha256:" + "a" * 64


def loaded(**services: dict[str, Any]) -> dict[str, Any]:
    every = {name: {"image": "redis:7", "networks": {"default": None}} | service for name, service in services.items()}
    return {"name": "x", "services": every, "networks": {"default": {"name": "x_default"}}}


def release(
    *names: str,
    excluded: tuple[tuple[str, str], ...] = (),
    digest: str = DIGEST,
    id: str = "r1",
    profiles: tuple[str, ...] = (),
) -> Release:
    services = tuple(ReleasedService(name, f"localhost:1/{name}", digest) for name in names)
    return Release(
        id,
        "staging",
        "c" * 40,
        "t" * 40,
        ("compose.yml",),
        services,
        "2030-01-01T00:00:00Z",
        profiles=profiles,
        excluded=excluded,
    )


def environment(**settings: Any) -> Environment:
    return Environment("staging", None, ("compose.yml",), (), **settings)


def run(model: dict[str, Any], of: Release, **settings: Any) -> Runnable:
    where = settings.pop("where", environment())
    return to_run(model, of, select(model, of), project="crank", environment=where, **settings)


def test_released_services_run_by_digest_and_others_as_they_are() -> None:
    result = run(loaded(web={"build": {"context": "."}, "image": "web:dev"}, cache={}), release("web")).model
    assert result["services"]["web"]["image"] == f"localhost:1/web@{DIGEST}"
    assert "build" not in result["services"]["web"]
    assert result["services"]["cache"]["image"] == "redis:7"
    assert {service["pull_policy"] for service in result["services"].values()} == {"never"}


def test_the_loaded_model_is_left_as_it_was() -> None:
    model = loaded(web={"build": {"context": "."}, "container_name": "w", "ports": [{"target": 80, "published": "80"}]})
    before = copy.deepcopy(model)
    run(model, release("web"), where=environment(port_offset=1000))
    assert model == before


def test_labels_follow_the_content_so_that_the_next_release_recreates_nothing() -> None:
    model = loaded(web={"build": {}, "labels": {"own": "kept"}})
    one, two = run(model, release("web", id="r1")), run(model, release("web", id="r2"))
    assert one.model == two.model
    assert one.model["services"]["web"]["labels"] == {
        "own": "kept",
        naming.PROJECT: "crank",
        naming.ENVIRONMENT: "staging",
        naming.SERVICE: "web",
        naming.DIGEST: DIGEST,
    } | {naming.ONE_SHOT: "true"}


def test_a_container_name_becomes_an_alias_on_every_network() -> None:
    networks = {"default": None, "back": {"aliases": ["db"]}}
    web = run(loaded(web={"container_name": "web-dev", "networks": networks}), release()).model["services"]["web"]
    assert "container_name" not in web
    assert web["networks"] == {"default": {"aliases": ["web-dev"]}, "back": {"aliases": ["db", "web-dev"]}}


def test_sharing_the_network_of_a_container_by_name_becomes_sharing_that_of_its_service() -> None:
    model = loaded(web={"container_name": "web-dev"}, side={"network_mode": "container:web-dev"})
    assert run(model, release()).model["services"]["side"]["network_mode"] == "service:web"


def test_networks_and_volumes_lose_their_names_unless_they_are_external() -> None:
    model = loaded(web={}) | {
        "volumes": {"data": {"name": "fixed"}, "shared": {"name": "ours", "external": True}},
        "secrets": {"key": {"name": "x_key", "file": "/old/key"}},
    }
    result = run(model, release(), mounts={"/old/key": "/new/key"}).model
    assert result["networks"] == {"default": {}}
    assert result["volumes"] == {"data": {}, "shared": {"name": "ours", "external": True}}
    assert result["secrets"] == {"key": {"file": "/new/key"}}


def test_bind_sources_are_replaced_and_volumes_are_not() -> None:
    volumes = [{"type": "bind", "source": "/old", "target": "/a"}, {"type": "volume", "source": "/old", "target": "/b"}]
    result = run(loaded(web={"volumes": volumes}), release(), mounts={"/old": "/new"}).model
    assert [volume["source"] for volume in result["services"]["web"]["volumes"]] == ["/new", "/old"]


def test_settings_that_only_others_read_do_not_reach_the_configuration() -> None:
    model = loaded(web={"x-windlass": {"heavy": True}, "develop": {}, "env_file": ["/gone"], "profiles": ["a"]})
    service = run(model, release(profiles=("a",))).model["services"]["web"]
    assert not {"x-windlass", "develop", "env_file", "profiles"} & service.keys()


def test_profiles_select_services_and_none_means_those_without() -> None:
    model = loaded(web={}, tool={"profiles": ["tools"]}, debug={"profiles": ["debug", "all"]})
    assert select(model, release()).services == ("web",)
    assert select(model, release(profiles=("tools",))).services == ("web", "tool")
    assert select(model, release(profiles=("*",))).services == ("web", "tool", "debug")


def test_what_needs_an_excluded_service_is_excluded_too_with_the_reason() -> None:
    needs = {"condition": "service_started", "required": True}
    model = loaded(
        api={"build": {}},
        web={"depends_on": {"api": needs}},
        edge={"depends_on": {"web": needs}},
        log={"depends_on": {"api": {**needs, "required": False}}},
    )
    of = release(excluded=(("api", "it does not build"),))
    chosen = select(model, of)
    assert chosen.services == ("log",)
    assert chosen.excluded["web"] == "it depends on api, which is left out: it does not build"
    assert "it depends on web" in chosen.excluded["edge"]
    assert run(model, of).model["services"]["log"]["depends_on"] == {}


def test_a_built_service_without_an_image_in_the_release_is_left_out() -> None:
    chosen = select(loaded(web={"build": {}}, api={"build": {}}), release("web"))
    assert chosen.services == ("web",)
    assert chosen.excluded == {"api": "the release has no image of it"}


def test_needing_a_service_behind_an_inactive_profile_is_said_with_the_profile() -> None:
    model = loaded(web={"depends_on": {"db": {"required": True}}}, db={"profiles": ["data"]})
    with pytest.raises(ConfigError, match=r"services\.web\.depends_on: it depends on 'db'") as failure:
        select(model, release())
    assert failure.value.remedy is not None and "data" in failure.value.remedy


@pytest.mark.parametrize(
    ("service", "one_shot"),
    [
        ({}, True),
        ({"restart": "no", "ports": [{"target": 80}]}, False),
        ({"restart": "always"}, False),
        ({"restart": "on-failure:3"}, True),
        ({"restart": "on-failure", "ports": [{"target": 80}]}, False),
        ({"ports": [{"target": 80}]}, False),
        ({"healthcheck": {"test": ["CMD", "true"]}}, False),
    ],
)
def test_who_may_end_with_success(service: dict[str, Any], one_shot: bool) -> None:
    labels = run(loaded(job=service), release()).model["services"]["job"]["labels"]
    assert (labels.get(naming.ONE_SHOT) == "true") is one_shot


def test_a_service_that_another_waits_for_to_complete_may_end() -> None:
    wait = {"condition": "service_completed_successfully", "required": True}
    model = loaded(job={"healthcheck": {"test": ["CMD", "x"]}}, web={"depends_on": {"job": wait}, "restart": "always"})
    labels = {name: s["labels"] for name, s in run(model, release()).model["services"].items()}
    assert labels["job"].get(naming.ONE_SHOT) == "true" and naming.ONE_SHOT not in labels["web"]


def test_private_values_are_in_no_representation() -> None:
    assert "hidden" not in repr(run(loaded(web={"environment": {"TOKEN": "hidden"}}), release()))


def test_replicas_come_from_scale_or_deploy() -> None:
    model = loaded(a={"scale": 2}, b={"deploy": {"replicas": 0}}, c={})
    assert run(model, release()).replicas == {"a": 2, "b": 0, "c": 1}
