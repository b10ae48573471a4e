"""Which Compose healthchecks can be asked from outside, and which had better not be."""

from __future__ import annotations

from typing import Any

import pytest

from windlass.config.health import from_compose
from windlass.model.project import HealthCheck


def check(test: Any, *ports: int, **more: Any) -> HealthCheck | None:
    service = {
        "healthcheck": {"test": test},
        "ports": [{"target": port, "published": str(port), "protocol": "tcp"} for port in ports or (80, 443, 8080)],
        **more,
    }
    return from_compose("app", service)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (["CMD", "curl", "-f", "http://localhost/up"], HealthCheck("app", 80, "/up")),
        (["CMD", "curl", "-f", "-k", "https://localhost/"], HealthCheck("app", 443, "/", "https", True)),
        (["CMD", "curl", "-fsSk", "https://127.0.0.1:8080"], HealthCheck("app", 8080, "/", "https", True)),
        (["CMD", "/usr/bin/curl", "--fail", "https://localhost"], HealthCheck("app", 443, "/", "https")),
        (["CMD", "curl", "--cacert=/ca", "--fail", "https://localhost"], HealthCheck("app", 443, "/", "https", True)),
        (["CMD-SHELL", "curl -f http://localhost:8080/a?b=c || exit 1"], HealthCheck("app", 8080, "/a?b=c")),
        (["CMD-SHELL", "wget -qO- 'http://app:8080/x' | grep ok"], HealthCheck("app", 8080, "/x")),
        (["CMD", "wget", "--spider", "--no-check-certificate", "https://[::1]:8080/"], HealthCheck("app", 8080, "/", "https", True)),
        ("curl -f http://0.0.0.0:8080/", HealthCheck("app", 8080)),
        (["CMD-SHELL", "curl -f http://localhost:${PORT}/h"], HealthCheck("app", 8080, "/h")),
        (["CMD-SHELL", "curl -f http://localhost:${MISSING:-8080}/h"], HealthCheck("app", 8080, "/h")),
        (["CMD", "python", "-c", "import urllib.request as r; r.urlopen('http://localhost:8080/health')"], HealthCheck("app", 8080, "/health")),
    ],
)  # fmt: skip
def test_a_request_to_the_service_itself_is_a_health_check(test: Any, expected: HealthCheck) -> None:
    assert check(test, environment={"PORT": "8080", "EMPTY": None}) == expected


@pytest.mark.parametrize(
    "test",
    [
        None,
        [],
        ["NONE"],
        ["CMD"],
        ["CMD-SHELL", ""],
        ["CMD-SHELL", "curl -f 'http://localhost"],
        ["CMD", "pg_isready"],
        ["CMD", "curl", "http://localhost/"],
        ["CMD", "curl", "-f", "http://other/"],
        ["CMD", "curl", "-f", "http://localhost:9999/"],
        ["CMD", "curl", "-f", "http://localhost:port/"],
        ["CMD", "curl", "-f", "http://localhost:${UNKNOWN}/"],
        ["CMD", "curl", "-f", "--cert", "/c", "--key", "/k", "https://localhost/"],
        ["CMD", "curl", "-f", "-H", "Authorization: x", "http://localhost/"],
        ["CMD", "curl", "-f", "-X", "POST", "http://localhost/"],
        ["CMD-SHELL", "curl -f http://localhost/a && curl -f http://localhost/b"],
        ["CMD", "probe", "https://localhost/"],
        ["CMD", "python", "-c", "urlopen('https://localhost/', context=anything)"],
    ],
)
def test_what_an_outside_check_could_judge_otherwise_is_left_to_the_engine(test: Any) -> None:
    assert check(test) is None


def test_a_disabled_check_and_an_unpublished_or_udp_port_give_none() -> None:
    test = ["CMD", "curl", "-f", "http://localhost:8080/"]
    assert from_compose("app", {"healthcheck": {"test": test, "disable": True}, "ports": [{"target": 8080}]}) is None
    assert from_compose("app", {"healthcheck": {"test": test}}) is None
    assert from_compose("app", {"healthcheck": {"test": test}, "ports": [{"target": 8080, "protocol": "udp"}]}) is None
    assert from_compose("app", {}) is None
