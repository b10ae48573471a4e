"""One published port for several services, told apart by the name a client asks for."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.deploy.test_containers import one

from windlass.deploy.docker.announcing import edge_changes
from windlass.deploy.docker.edge.allocate import Edge
from windlass.deploy.docker.edge.board import Board, RunningEdge, carry, otherwise
from windlass.deploy.docker.edge.commands import differences, needs_reload
from windlass.deploy.docker.edge.compose import to_document
from windlass.deploy.docker.edge.layout import Layout, Publication
from windlass.deploy.docker.edge.render import Carried, parse, render
from windlass.deploy.docker.edge.router import routers
from windlass.errors import ConfigError
from windlass.model.events import Event, Notice
from windlass.model.project import SniSpec

SHOP, API = SniSpec(443, "shop.example.org", "shop", 8443), SniSpec(443, "*.api.example.org", "api", 8443)
SERVICES: dict[str, dict[str, Any]] = {
    "shop": {"networks": {"front": None}},
    "api": {"networks": {"back": None, "front": None}},
}


def router(*specs: SniSpec, services: dict[str, dict[str, Any]] = SERVICES) -> Edge:
    (made,) = routers(specs, services, "production", lambda event: None)
    return made


def test_the_router_publishes_the_port_and_is_on_a_network_of_each_service_without_a_name_of_its_own() -> None:
    made = router(SHOP, API, SniSpec(8443, "shop.example.org", "shop", 9443))
    assert made.published == (Publication(443, "443"), Publication(8443, "8443"))
    assert made.networks == {"back": (), "front": ()}
    assert made.services == ()
    assert routers((), SERVICES, "production", lambda event: None) == ()


def test_names_lead_to_services_and_those_written_whole_go_first() -> None:
    specs = (API, SniSpec(443, "*.example.org", "shop", 80), SHOP)
    text = render(carry(router(*specs), {}, None, {}), generation="g")
    assert [line.strip() for line in text.splitlines() if "use_backend" in line] == [
        "use_backend sni_443_shop_8443 if { req.ssl_sni -i shop.example.org }",
        r"use_backend sni_443_api_8443 if { req.ssl_sni -m reg -i ^[^.]+\.api\.example\.org$ }",
        r"use_backend sni_443_shop_80 if { req.ssl_sni -m reg -i ^[^.]+\.example\.org$ }",
    ]
    at = text.splitlines().index("backend sni_443_shop_8443")
    assert text.splitlines()[at + 2].startswith("  server s1 shop:8443 resolvers docker")
    assert "default_backend" not in text  # who asks for nobody's name is not led to anybody


def test_the_file_says_what_it_carries_and_other_names_need_a_reload() -> None:
    before, after = (carry(router(*specs), {}, None, {}) for specs in ((SHOP,), (SHOP, API)))
    assert parse(render(after, generation="g")) == after
    assert needs_reload(before, after) and not needs_reload(after, after)
    assert differences(after, {}) == []


def test_a_service_that_publishes_the_port_itself_is_refused() -> None:
    taken = {**SERVICES, "old": {"ports": [{"target": 1, "published": "440-445", "protocol": "tcp"}]}}
    with pytest.raises(ConfigError, match="old publishes port 443 itself") as refused:
        router(SHOP, services=taken)
    assert refused.value.remedy and refused.value.where == "windlass.yaml: environments.production.edge.sni.443"
    taken["old"]["ports"][0]["protocol"] = "udp"
    assert router(SHOP, services=taken)


def test_a_service_without_a_network_is_refused_and_one_that_is_not_there_is_said() -> None:
    with pytest.raises(ConfigError, match="no network"):
        router(SHOP, services={"shop": {"network_mode": "host"}})
    heard: list[Event] = []
    assert routers((SHOP,), {}, "production", heard.append) == ()
    assert [event.text for event in heard if isinstance(event, Notice)] == [
        "edge.sni: shop.example.org leads to shop, which is no service of this release"
    ]


def running(edge: Edge) -> RunningEdge:
    container = one()
    return RunningEdge(container, to_document(edge), carry(edge, {}, None, {}))


def test_the_plan_says_where_names_come_to_lead() -> None:
    before, after = router(SHOP), router(API)
    said = "*.api.example.org:443 leads to api:8443"
    assert otherwise(None, after, {}) == said
    assert otherwise(running(before), after, {}) == f"{said}, shop.example.org:443 leads nowhere"
    assert otherwise(running(after), after, {}) == ""
    assert otherwise(None, Edge("windlass-edge", ("web",), {}, ()), {}) == ""
    board = Board((), (running(before),))
    (gone,) = edge_changes((), board, Layout(), {})
    assert (gone.service, gone.action, gone.reason) == (
        "windlass-edge-sni",
        "update",
        "shop.example.org:443 leads nowhere",
    )
    assert edge_changes((before,), board, Layout(), {}) == []
    assert Carried({}, {}) != carry(before, {}, None, {})
