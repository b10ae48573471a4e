"""Published ports of an environment."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.deploy.docker.ports import map_ports
from windlass.errors import ConfigError


def port(published: str | None, target: int = 80, **more: str) -> dict[str, Any]:
    return {"target": target, "protocol": "tcp", **({"published": published} if published else {}), **more}


def mapped(
    ports: list[dict[str, Any]], *others: list[dict[str, Any]], by_hand: dict[int, int] | None = None, offset: int = 0
) -> list[list[str | None]]:
    services = {f"s{at}": {"ports": each} for at, each in enumerate([ports, *others])}
    result = map_ports(services, ports=by_hand or {}, offset=offset, environment="staging")
    return [[one.get("published") for one in result[name]] for name in services]


def test_a_port_named_by_hand_goes_there_and_others_move_by_the_offset() -> None:
    assert mapped([port("8443"), port("8101")], by_hand={8443: 9443}, offset=10000) == [["9443", "18101"]]


def test_a_range_moves_as_a_whole() -> None:
    assert mapped([port("3000-3005")], offset=100) == [["3100-3105"]]
    assert mapped([port("3000-3005")], by_hand={3000: 4000}, offset=100) == [["4000-4005"]]


def test_ports_that_the_engine_chooses_stay_so() -> None:
    assert mapped([port(None), port("0")], offset=100) == [[None, "0"]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (port("80"), port("80")),
        (port("80"), port("80", host_ip="127.0.0.1")),
        (port("80", host_ip="0.0.0.0"), port("80", host_ip="127.0.0.1")),
        (port("80-90"), port("85-95")),
        (port("80-90"), port("90")),
        (port("80", host_ip="::"), port("80", host_ip="::1")),
    ],
)
def test_two_services_cannot_publish_one_port(one: dict[str, Any], other: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="s0 and s1 would both publish port") as failure:
        mapped([one], [other])
    assert failure.value.where == "windlass.yaml: environments.staging"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (port("80"), port("80", protocol="udp")),
        (port("80", host_ip="127.0.0.1"), port("80", host_ip="127.0.0.2")),
        (port("80", host_ip="0.0.0.0"), port("80", host_ip="::")),
        (port("80-90"), port("91-95")),
    ],
)
def test_different_addresses_protocols_and_ranges_get_along(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert len(mapped([one], [other])) == 2


def test_a_mapping_that_collides_is_refused() -> None:
    with pytest.raises(ConfigError, match="would both publish port 8080"):
        mapped([port("80")], [port("8080")], by_hand={80: 8080})


def test_a_port_beyond_the_last_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"port 68443 of s0 is not between 1 and 65535"):
        mapped([port("8443")], offset=60000)


@given(st.lists(st.integers(1, 50000), unique=True, max_size=8), st.integers(0, 15000))
@settings(derandomize=True)
def test_an_offset_alone_never_makes_ports_collide(published: list[int], offset: int) -> None:
    assert mapped([port(str(one)) for one in published], offset=offset) == [[str(one + offset) for one in published]]
