"""Which services stand behind an edge, and which edge carries them."""

from __future__ import annotations

from typing import Any

import pytest

from windlass.deploy.docker import naming
from windlass.deploy.docker.edge.allocate import allocate
from windlass.deploy.docker.edge.layout import RUNS_ONCE, Fronted, ImageFacts, Publication, lay_out
from windlass.model.project import HealthCheck

HTTP: dict[str, Any] = {"expose": ["8080"]}


def service(**settings: Any) -> dict[str, Any]:
    return {"image": "x", "networks": {"default": None}, **settings}


def reason(**settings: Any) -> str:
    facts = settings.pop("facts", ImageFacts())
    found = lay_out(
        {"web": service(**{**HTTP, **settings})}, images={"web": facts}, writable=lambda source: "data" in source
    )
    return found.in_place.get("web", "")


def port(target: int, published: str = "", **more: Any) -> dict[str, Any]:
    return {"target": target, "published": published, "protocol": "tcp", **more}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ""),
        ({"volumes": [{"type": "bind", "source": "/copies/www", "target": "/www"}]}, ""),
        ({"volumes": [{"type": "volume", "source": "kept", "target": "/data", "read_only": True}]}, ""),
        ({"volumes": [{"type": "volume", "source": "kept", "target": "/data"}]}, "it owns the volume kept"),
        ({"volumes": [{"type": "volume", "target": "/data"}]}, "it owns the volume /data"),
        ({"volumes": [{"type": "bind", "source": "/srv/data", "target": "/d"}]}, "it writes to /d, which is on this machine"),
        ({"volumes": [{"type": "bind", "source": "/srv/data", "target": "/d", "read_only": True}]}, ""),
        ({"facts": ImageFacts((5432,), ("/var/lib/db",))}, "its image keeps data in /var/lib/db"),
        ({"facts": ImageFacts((5432,), ("/var/lib/db",)), "tmpfs": ["/var/lib/db:size=1m"]}, ""),
        ({"network_mode": "host"}, "network_mode is host"),
        ({"ipc": "shareable"}, ""),
        ({"volumes_from": ["other"]}, "it is bound to containers by volumes_from or links"),
        ({"links": ["db"]}, "it is bound to containers by volumes_from or links"),
        ({"devices": ["/dev/x"]}, "it uses a device"),
        ({"deploy": {"resources": {"reservations": {"devices": [{"driver": "gpu"}]}}}}, "it uses a device"),
        ({"networks": {"default": {"ipv4_address": "10.0.0.2"}}}, "its address is fixed"),
        ({"ports": [port(53, "53", protocol="udp")]}, "it publishes a port over udp"),
        ({"networks": {}}, "it has no network"),
        ({"expose": ["64999"]}, "the edge needs the port 64999 for itself"),
        ({"expose": [], "facts": ImageFacts((9000,))}, ""),
        ({"expose": [], "labels": {naming.ONE_SHOT: "true"}}, RUNS_ONCE),
        ({"labels": {naming.ONE_SHOT: "true"}}, ""),
    ],
)  # fmt: skip
def test_what_cannot_run_twice_is_stopped_and_started_and_why(settings: dict[str, Any], expected: str) -> None:
    assert reason(**settings) == expected


def test_what_others_wait_for_the_end_of_runs_once_and_singletons_never_twice() -> None:
    services = {
        "migrate": service(**HTTP),
        "web": service(**HTTP, depends_on={"migrate": {"condition": "service_completed_successfully"}}),
        "single": service(**HTTP),
    }
    found = lay_out(services, images={}, singletons=["single"])
    assert found.in_place == {"migrate": RUNS_ONCE, "single": "two of it must not run at once (singleton)"}
    assert list(found.fronted) == ["web"]


def test_a_host_of_others_and_its_lodger_stay_in_place() -> None:
    services = {"vpn": service(**HTTP), "app": {"image": "x", "network_mode": "service:vpn"}}
    assert list(lay_out(services, images={}).in_place) == ["vpn", "app"]


def test_what_a_port_speaks_comes_from_whoever_says_it() -> None:
    web = service(
        ports=[port(80, "8000", app_protocol="http"), port(443, "8443"), port(5000)], expose=["6000/tcp", "7/udp"]
    )
    checks = [HealthCheck("web", 443, scheme="https"), HealthCheck("web", 6000), HealthCheck("other", 5000)]
    found = lay_out({"web": web}, images={"web": ImageFacts((9000,))}, health=checks).fronted["web"]
    assert found.ports == {80: "http", 443: "tcp", 5000: "auto", 6000: "http", 9000: "auto"}
    assert found.published == (Publication(80, "8000"), Publication(443, "8443"), Publication(5000, ""))


def test_names_on_a_network_are_the_service_s_and_its_aliases() -> None:
    web = service(**HTTP) | {"networks": {"front": {"aliases": ["www", "web"]}, "back": None}}
    assert lay_out({"web": web}, images={}).fronted["web"].networks == {"front": ("web", "www"), "back": ("web",)}


def fronted(name: str, *ports: int, networks: tuple[str, ...] = ("default",)) -> Fronted:
    return Fronted(name, dict.fromkeys(ports, "auto"), (), dict.fromkeys(networks, (name,)))


def carriers(*services: Fronted, **before: str) -> dict[str, str]:
    return {s: edge.name for edge in allocate({one.service: one for one in services}, before) for s in edge.services}


def test_services_with_different_ports_share_an_edge_and_others_do_not() -> None:
    assert carriers(fronted("a", 80), fronted("b", 81), fronted("c", 80)) == {
        "a": "windlass-edge",
        "b": "windlass-edge",
        "c": "windlass-edge-2",
    }


def test_an_edge_never_joins_networks_that_are_apart() -> None:
    assert carriers(fronted("a", 80), fronted("b", 81, networks=("default", "back"))) == {
        "a": "windlass-edge",
        "b": "windlass-edge-2",
    }


def test_a_service_stays_at_its_edge_and_a_new_one_gets_another() -> None:
    there = carriers(fronted("a", 80), fronted("b", 81), fronted("new", 82), a="windlass-edge", b="windlass-edge-2")
    assert there == {"a": "windlass-edge", "b": "windlass-edge-2", "new": "windlass-edge-3"}


def test_services_that_came_to_collide_are_parted() -> None:
    assert carriers(fronted("a", 80), fronted("b", 80), a="windlass-edge", b="windlass-edge") == {
        "a": "windlass-edge",
        "b": "windlass-edge-2",
    }
