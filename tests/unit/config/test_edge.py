"""`environments.NAME.edge`: certificates and names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from windlass.config.edge import EdgeSection, edge
from windlass.model.project import EdgeSpec, SniSpec, TlsSpec

ROOT = Path("/srv/checkout")
ENTRY = {"service": "platform", "port": 8443, "certificate": "tls/all.pem"}


def spec(**keys: Any) -> EdgeSpec:
    return edge(EdgeSection.model_validate(keys), ROOT)


def test_files_are_relative_to_the_root_and_may_be_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/deployer")
    told = {**ENTRY, "key": "~/all.key", "upstream_ca": "/etc/ca.pem", "upstream_name": "a.internal"}
    assert spec(tls=[told]).tls == (
        TlsSpec("platform", 8443, "/srv/checkout/tls/all.pem", "/home/deployer/all.key", "/etc/ca.pem", "a.internal"),
    )
    assert spec(tls=[ENTRY]).tls == (TlsSpec("platform", 8443, "/srv/checkout/tls/all.pem"),)
    assert spec() == EdgeSpec()


def test_names_lead_to_services_whatever_their_case_and_however_the_port_was_read() -> None:
    assert spec(sni={"443": {"Shop.example.org": "shop:8443", "*.example.org": "api.v2:80"}}).sni == (
        SniSpec(443, "shop.example.org", "shop", 8443),
        SniSpec(443, "*.example.org", "api.v2", 80),
    )


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"tls": [ENTRY, {**ENTRY, "certificate": "b"}]}, "platform:8443 twice"),
        ({"tls": [{**ENTRY, "port": 0}]}, "a port from 1 to 65535"),
        ({"tls": [{**ENTRY, "port": True}]}, "a port from 1 to 65535"),
        ({"tls": [{**ENTRY, "certificate": ""}]}, "the path of a file"),
        ({"tls": [{**ENTRY, "certificate": "a\x00b"}]}, "the path of a file"),
        ({"tls": [{**ENTRY, "upstream_name": "a b"}]}, "a host name"),
        ({"tls": [{**ENTRY, "upstream_name": "x\nserver evil"}]}, "a host name"),
        ({"tls": [{"service": "platform", "port": 1}]}, "certificate"),
        ({"tls": [{**ENTRY, "password": "x"}]}, "password"),
        ({"sni": {"https": {"a": "b:1"}}}, "published ports from 1 to 65535"),
        ({"sni": {0: {"a": "b:1"}}}, "published ports from 1 to 65535"),
        ({"sni": {443: {}}}, "names with their services"),
        ({"sni": {443: ["a"]}}, "names with their services"),
        ({"sni": {443: {"a b": "shop:1"}}}, "host names such as"),
        ({"sni": {443: {"a\n": "shop:1"}}}, "host names such as"),
        ({"sni": {443: {"*": "shop:1"}}}, "host names such as"),
        ({"sni": {443: {"a.*.org": "shop:1"}}}, "host names such as"),
        ({"sni": {443: {"a.org": "shop"}}}, "SERVICE:PORT"),
        ({"sni": {443: {"a.org": "shop:99999"}}}, "SERVICE:PORT"),
        ({"sni": {443: {"a.org": 8443}}}, "SERVICE:PORT"),
        ({"sni": {443: {"a.org": "shop:1", "A.ORG": "api:1"}}}, "each name once, not a.org twice"),
    ],
)
def test_what_cannot_be_meant_is_refused(keys: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValidationError) as refused:
        spec(**keys)
    assert expected in str(refused.value)
