"""`environments.NAME.edge`: the proxy in front of the services."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from windlass.config.duration import PATTERN, parse_duration
from windlass.config.section import Section
from windlass.config.sni import Sni, sni
from windlass.config.tls import TlsSection, tls
from windlass.model.project import EdgeSpec


def _span(value: Any) -> Any:
    if value == "0s":
        return 0.0
    if isinstance(value, str):
        return parse_duration(value)
    raise ValueError("expected a duration such as 30s, 2m or 0s")


Text = Annotated[str, Field(min_length=1)]
Span = Annotated[float, BeforeValidator(_span), WithJsonSchema({"type": "string", "pattern": PATTERN})]
"""A duration that may be 0s."""


def _each_port_once(entries: list[TlsSection]) -> list[TlsSection]:
    ends = [(entry.service, entry.port) for entry in entries]
    twice = next((end for end in ends if ends.count(end) > 1), None)
    if twice is not None:
        raise ValueError(f"expected each port once, not {twice[0]}:{twice[1]} twice")
    return entries


def _edge(value: Any) -> Any:
    """The short forms: `true` means the defaults, `false` none at all."""
    return {True: {}, False: None}[value] if isinstance(value, bool) else value


class EdgeSection(Section):
    """The proxy through which users reach the services, so that a release is a switch and not a restart."""

    image: Text = Field(
        default="haproxy:lts", description="The image of HAProxy, 2.4 or later.", examples=["haproxy:lts"]
    )
    drain: Span = Field(
        default=30.0,
        description="How long requests under way may take before their container is asked to end.",
        examples=["30s"],
    )
    watch: Span = Field(
        default=3.0, description="How long services are watched for errors after the switch.", examples=["10s"]
    )
    warm: Span = Field(
        default=3600.0,
        description="How long the containers of the release before are kept running, for the way back.",
        examples=["1h"],
    )
    tls: Annotated[list[TlsSection], AfterValidator(_each_port_once)] = Field(
        default=[],
        description="Ports where TLS ends at the edge, with a certificate of yours, and begins again to the container.",
        examples=[[{"service": "platform", "port": 8443, "certificate": "/etc/ssl/platform.pem"}]],
    )

    sni: Sni = Field(
        default={},
        description="Ports that several services share, told apart by name: {published port: {name: SERVICE:PORT}}.",
        examples=[{443: {"shop.example.org": "shop:8443"}}],
    )


OptionalEdge = Annotated[EdgeSection | None, BeforeValidator(_edge)]


def edge(section: EdgeSection, root: Path) -> EdgeSpec:
    """The section as a value; files are relative to `root`."""
    ends = tuple(tls(entry, root) for entry in section.tls)
    return EdgeSpec(section.image, section.drain, section.watch, section.warm, ends, sni(section.sni))
