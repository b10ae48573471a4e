from __future__ import annotations

import copy
from typing import Any

from windlass.deploy.docker import naming
from windlass.dev.choice import Choice
from windlass.dev.model import to_run

MODEL: dict[str, Any] = {
    "name": "shop",
    "services": {
        "api": {
            "build": {"context": "api"},
            "container_name": "shop-api",
            "ports": [{"target": 8080, "published": "8080"}],
            "volumes": [{"type": "bind", "source": "/src/api", "target": "/app"}],
            "depends_on": {"migrate": {"condition": "service_completed_successfully"}, "brain": {}},
            "x-windlass": {"heavy": False},
            "profiles": ["api"],
        },
        "migrate": {"image": "busybox:1"},
        "brain": {"image": "brain"},
    },
    "volumes": {"data": {"name": "shop_data"}},
}


def test_a_built_service_runs_on_its_image_and_all_else_is_as_the_user_wrote_it() -> None:
    model = to_run(MODEL, Choice(("api", "migrate")), {"api": "registry/api@sha256:1"})
    api = model["services"]["api"]
    assert (api["image"], api["pull_policy"], api["container_name"]) == ("registry/api@sha256:1", "never", "shop-api")
    assert "build" not in api and "profiles" not in api and "x-windlass" not in api
    assert api["volumes"] == MODEL["services"]["api"]["volumes"]
    assert model["volumes"] == {"data": {"name": "shop_data"}}


def test_what_does_not_run_is_gone_also_from_those_that_depend_on_it() -> None:
    model = to_run(MODEL, Choice(("api", "migrate")), {})
    assert list(model["services"]) == ["api", "migrate"]
    assert list(model["services"]["api"]["depends_on"]) == ["migrate"]


def test_a_service_that_others_wait_for_to_end_may_end() -> None:
    model = to_run(MODEL, Choice(("api", "migrate")), {})
    assert model["services"]["migrate"]["labels"] == {naming.ONE_SHOT: "true"}


def test_it_may_end_also_where_those_that_wait_do_not_run() -> None:
    assert to_run(MODEL, Choice(("migrate",)), {})["services"]["migrate"]["labels"] == {naming.ONE_SHOT: "true"}


def test_the_model_that_was_loaded_is_left_as_it_was() -> None:
    before = copy.deepcopy(MODEL)
    to_run(MODEL, Choice(("api",)), {"api": "x"})
    assert before == MODEL
