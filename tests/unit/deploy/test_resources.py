"""Networks and volumes that Compose leaves as they are, although something else is declared."""

from __future__ import annotations

from typing import Any

import pytest

from windlass.deploy.docker.resources import unchanged


def said(kind: str, declared: dict[str, Any] | None, **there: Any) -> str:
    """The words between "made: " and " in the Compose file", of the only sentence; "" where nothing is said."""
    made = {"Labels": {f"com.docker.compose.{kind}": "back"}, "Driver": "bridge" if kind == "network" else "local"}
    found = unchanged(
        {f"{kind}s": {"back": declared}},
        [made | there] if kind == "network" else [],
        [made | there] if kind == "volume" else [],
    )
    assert all(remedy for _, remedy in found)
    return "".join(sentence.partition("made: ")[2].partition(" in the")[0] for sentence, _ in found)


SUBNET = {"ipam": {"config": [{"subnet": "10.9.0.0/24"}]}}
MTU = {"driver_opts": {"com.docker.network.driver.mtu": 1400}}


@pytest.mark.parametrize(
    ("declared", "there", "words"),
    [
        (None, {}, ""),
        ({"driver": "bridge", "ipam": {}}, {"Options": {"com.docker.network.enable_ipv4": "true"}}, ""),
        ({"driver": "default"}, {}, ""),
        ({"internal": True}, {}, "internal"),
        ({}, {"Internal": True}, "internal"),
        ({"internal": True}, {"Internal": True}, ""),
        ({"attachable": True}, {"Attachable": False}, "attachable"),
        ({"driver": "macvlan", "internal": True}, {}, "driver, internal"),
        ({"enable_ipv6": True}, {"EnableIPv6": False}, "enable_ipv6"),
        ({}, {"EnableIPv6": True}, ""),
        (MTU, {"Options": {}}, "driver_opts.com.docker.network.driver.mtu"),
        (MTU, {"Options": {"com.docker.network.driver.mtu": "1400"}}, ""),
        (MTU, {"Options": None}, "driver_opts.com.docker.network.driver.mtu"),
        (SUBNET, {"IPAM": {"Config": [{"Subnet": "10.9.0.0/24", "Gateway": "10.9.0.1"}]}}, ""),
        (SUBNET, {"IPAM": {"Config": [{"Subnet": "172.18.0.0/16"}]}}, "ipam.config"),
        (SUBNET, {"IPAM": {"Config": None}}, "ipam.config"),
        ({"external": True, "internal": True}, {}, ""),
    ],
)
def test_a_network_that_is_declared_otherwise(
    declared: dict[str, Any] | None, there: dict[str, Any], words: str
) -> None:
    assert said("network", declared, **there) == words


@pytest.mark.parametrize(
    ("declared", "there", "words"),
    [
        (None, {"Options": None}, ""),
        ({"driver_opts": {"type": "tmpfs", "o": "size=$$5"}}, {"Options": {"type": "tmpfs", "o": "size=$5"}}, ""),
        ({"driver_opts": {"type": "nfs"}}, {"Options": {"type": "tmpfs"}}, "driver_opts.type"),
        ({}, {"Options": {"type": "tmpfs"}}, "driver_opts.type"),
        ({"driver": "other"}, {}, "driver"),
        ({"external": True, "driver": "other"}, {}, ""),
    ],
)
def test_a_volume_that_is_declared_otherwise(
    declared: dict[str, Any] | None, there: dict[str, Any], words: str
) -> None:
    assert said("volume", declared, **there) == words


def test_what_the_release_does_not_have_is_not_spoken_of() -> None:
    there = {"Labels": {"com.docker.compose.network": "gone"}, "Driver": "bridge", "Internal": True}
    assert unchanged({"services": {}}, [there, {"Driver": "bridge", "Labels": None}], []) == []
