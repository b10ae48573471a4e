"""`environments.NAME.edge.tls`: ports where TLS ends at the edge, and begins again on the way to the container."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from windlass.config.section import Section
from windlass.model.project import TlsSpec

_HOST = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?)*"
)


def _file(value: Any) -> Any:
    if isinstance(value, str) and (not value or not value.isprintable()):
        raise ValueError("expected the path of a file")
    return value


def _host(value: Any) -> Any:
    if isinstance(value, str) and not _HOST.fullmatch(value):
        raise ValueError("expected a host name")
    return value


def _port(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
        raise ValueError("expected a port from 1 to 65535")
    return value


File = Annotated[str, BeforeValidator(_file)]


class TlsSection(Section):
    """A port where TLS ends at the edge, with a certificate of its own. Files may be anywhere; they are read where
    `windlass` runs."""

    service: Annotated[str, Field(min_length=1)] = Field(description="The Compose service.", examples=["platform"])
    port: Annotated[
        int, BeforeValidator(_port), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 65535})
    ] = Field(description="The container port, where the container speaks TLS too.", examples=[8443])
    certificate: File = Field(
        description="The file with the certificate and its intermediates (PEM).",
        examples=["/etc/letsencrypt/live/example.org/fullchain.pem"],
    )
    key: File | None = Field(
        default=None,
        description="The file with its private key (PEM). Default: it is in the certificate's file.",
        examples=["/etc/letsencrypt/live/example.org/privkey.pem"],
    )
    upstream_ca: File | None = Field(
        default=None,
        description="The file with the authority that vouches for the container's certificate. Default: none is asked for.",
        examples=["deploy/ca.pem"],
    )
    upstream_name: Annotated[str, BeforeValidator(_host)] | None = Field(
        default=None,
        description="The name in the container's certificate. Default: the service's, where `upstream_ca` is set.",
        examples=["platform.internal"],
    )


def tls(section: TlsSection, root: Path) -> TlsSpec:
    """The section as a value; files are relative to `root`, `~` is the home folder."""

    def file(name: str | None) -> str:
        return str(root / os.path.expanduser(name)) if name else ""  # noqa: PTH111 - Path refuses unknown users

    return TlsSpec(
        section.service,
        section.port,
        file(section.certificate),
        file(section.key),
        file(section.upstream_ca),
        section.upstream_name or "",
    )
