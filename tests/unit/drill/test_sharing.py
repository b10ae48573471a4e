"""A copy shares nothing that it could change with the real environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from windlass.drill.sharing import refuse_shared
from windlass.errors import Refused

ROOT = Path("/copy")


def bind(source: str, **more: Any) -> dict[str, Any]:
    return {"volumes": [{"type": "bind", "source": source, "target": "/data", **more}]}


VOLUME = {"volumes": [{"type": "volume", "source": "data", "target": "/data"}]}

REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a folder of the machine": (bind("/srv/data"), {}, "writes to /srv/data"),
    "the engine's socket": (bind("/var/run/docker.sock"), {}, "the engine's socket"),
    "the engine's socket, read-only": (bind("/run/docker.sock", read_only=True), {}, "the engine's socket"),
    "an external volume": (VOLUME, {"volumes": {"data": {"external": True}}}, "writes to data"),
    "a volume that is a folder of the machine": (
        VOLUME,
        {"volumes": {"data": {"driver_opts": {"type": "none", "o": "bind", "device": "/srv/data"}}}},
        "writes to data (/srv/data)",
    ),
    "a volume of another driver": (VOLUME, {"volumes": {"data": {"driver": "rexray"}}}, "writes to data"),
    "an external network": ({"networks": {"front": None}}, {"networks": {"front": {"external": True}}}, "external network front"),
    "the host's network": ({"network_mode": "host"}, {}, "the host's own network"),
    "a container's network": ({"network_mode": "container:vpn"}, {}, "joins the container vpn"),
    "a container's processes": ({"pid": "container:shop-api-1"}, {}, "joins the container shop-api-1"),
    "a container's volumes": ({"volumes_from": ["container:shop-db-1"]}, {}, "volumes of the container shop-db-1"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_shared_is_refused_with_service_and_remedy(name: str) -> None:
    service, model, words = REFUSED[name]
    with pytest.raises(Refused, match="web") as refused:
        refuse_shared({"services": {"web": service}, **model}, ["web"], ROOT)
    assert words in refused.value.message
    assert refused.value.where and refused.value.where.startswith("services.web.")
    assert refused.value.remedy


ALLOWED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": ({}, {}),
    "a folder of the repository": (bind("/copy/data"), {}),
    "a folder that is only read": (bind("/etc/ssl", read_only=True), {}),
    "a volume of its own": (VOLUME, {"volumes": {"data": {"name": "shop_data", "driver": "local"}}}),
    "a volume in memory": (VOLUME, {"volumes": {"data": {"driver_opts": {"type": "tmpfs", "device": "tmpfs"}}}}),
    "a network of its own": ({"networks": {"front": None}}, {"networks": {"front": {"name": "shop"}}}),
    "the processes of another of its services": ({"pid": "container:shop-db", "container_name": "shop-db"}, {}),
    "no network": ({"network_mode": "none"}, {}),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_a_copy_gets_its_own_of_is_no_reason(name: str) -> None:
    service, model = ALLOWED[name]
    refuse_shared({"services": {"web": service}, **model}, ["web"], ROOT)


def test_services_that_do_not_run_do_not_matter() -> None:
    services = {"web": {}, "tool": bind("/var/run/docker.sock")}
    refuse_shared({"services": services}, ["web"], ROOT)
