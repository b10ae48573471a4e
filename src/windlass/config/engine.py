"""`environments.NAME.engine`: a container engine elsewhere."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from windlass.config.section import Section
from windlass.model.project import EngineSpec

_EXPECTED = "ssh://user@host, tcp://host:2376, unix:///path or context:NAME"
_CONTEXT = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.+-]*")


def _engine(value: Any) -> Any:
    """The short form: just the address."""
    return {"host": value} if isinstance(value, str) else value


def _address(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    kind, _, rest = value.partition(":")
    if kind == "context":
        if not _CONTEXT.fullmatch(rest):
            raise ValueError(f"expected {_EXPECTED}")
        return value
    try:
        split = urlsplit(value)
        port, host = split.port, split.hostname
    except ValueError:
        raise ValueError(f"expected {_EXPECTED}") from None
    if not value.isprintable() or " " in value or split.query or split.fragment:
        raise ValueError(f"expected {_EXPECTED}")
    if split.password is not None:
        raise ValueError("expected an address without a password: ssh takes a key")
    if split.scheme == "unix" and split.path:
        return value
    # A name that begins with a dash would be an option of the programs that are given it.
    whole = host and not host.startswith("-") and not (split.username or "").startswith("-") and not split.path
    if split.scheme == "ssh" and whole:
        return value
    if split.scheme == "tcp" and whole and port and not split.username:
        return value
    raise ValueError(f"expected {_EXPECTED}")


class EngineSection(Section):
    """A container engine elsewhere. What is left out is what `docker` and `ssh` take by themselves."""

    host: Annotated[str, BeforeValidator(_address)] = Field(
        description="`ssh://user@host`, `tcp://host:2376` (always TLS), `unix:///socket` or `context:NAME`.",
        examples=["ssh://deploy@example.org"],
    )
    certificates: str = Field(
        default="",
        description="For tcp: the folder with ca.pem, cert.pem and key.pem. Default: DOCKER_CERT_PATH, or ~/.docker.",
        examples=["~/.docker/production"],
    )
    identity: str = Field(
        default="", description="For ssh: the file with the private key.", examples=["~/.ssh/id_ed25519"]
    )
    known_hosts: str = Field(
        default="", description="For ssh: the file with the host's key.", examples=["deploy/known_hosts"]
    )
    address: str = Field(
        default="",
        description="The host name under which published ports are reached. Default: the engine's host.",
        examples=["app.example.org"],
    )
    registry_reachable: bool = Field(
        default=False,
        description="A registry on this machine's loopback is reached from there already, by a tunnel of your own.",
        examples=[True],
    )


OptionalEngine = Annotated[EngineSection | None, BeforeValidator(_engine)]


def engine(section: EngineSection, root: Path) -> EngineSpec:
    """The section as a value; files are relative to `root`, `~` is the home folder."""

    def file(name: str) -> str:
        return str(root / os.path.expanduser(name)) if name else ""  # noqa: PTH111 - Path refuses unknown users

    return EngineSpec(
        section.host,
        file(section.certificates),
        file(section.identity),
        file(section.known_hosts),
        section.address,
        section.registry_reachable,
    )
