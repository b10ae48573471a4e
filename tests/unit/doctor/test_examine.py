"""What the examinations make of answers."""

from __future__ import annotations

import pytest

from windlass.doctor import examine
from windlass.errors import RegistryUnavailable

INSPECTED = """\
Name:   default
Driver: docker

Nodes:
Name:      default
Status:    running
Platforms: linux/amd64, linux/amd64/v2, linux/arm64*
Labels:
 org.mobyproject.buildkit.worker.moby.host-gateway-ip: 172.17.0.1
"""


def test_platforms_are_read_from_what_buildx_says() -> None:
    assert examine.parse_platforms(INSPECTED) == {"linux/amd64", "linux/amd64/v2", "linux/arm64"}
    assert examine.parse_platforms("") == frozenset()


def test_uncommitted_changes_limit_what_can_be_released() -> None:
    assert examine.git_state("a" * 40, "main", dirty=False).state == "fine"
    dirty = examine.git_state("a" * 40, "main", dirty=True)
    assert (dirty.state, bool(dirty.remedy)) == ("limited", True)


def test_a_registry_s_own_remedy_is_passed_on() -> None:
    def ping() -> None:
        raise RegistryUnavailable("nobody answers", remedy="start it")

    verdict = examine.registry("localhost:1", ping)
    assert (verdict.state, verdict.remedy) == ("broken", "start it")
    assert "localhost:1" in verdict.found
    assert examine.registry("localhost:1", lambda: None).state == "fine"


@pytest.mark.parametrize(("free", "state"), [(1e9, "limited"), (50e9, "fine")])
def test_little_disk_is_said_early(free: float, state: str) -> None:
    assert examine.disk("/somewhere", int(free)).state == state


def test_published_ports_are_those_with_a_number() -> None:
    model = {
        "services": {
            "web": {"ports": [{"target": 80, "published": "8080"}, {"target": 81}]},
            "api": {"ports": [{"target": 80, "published": "9000-9010"}]},
            "worker": {},
        }
    }
    assert examine.parse_published(model) == {8080: "web"}
