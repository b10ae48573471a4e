"""Which mirrors the container engine would ask for an image: what `docker info` says of them."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from windlass import process
from windlass.errors import WindlassError
from windlass.oci import reference as references

_SECONDS = 20.0
_SOCKET = "/var/run/docker.sock"  # where the client goes when nothing else is configured
_LARGEST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Mirrors:
    """`urls` maps a registry host (`docker.io`) to its mirrors' URLs in the engine's order; `insecure` holds hosts that
    the engine reaches by plain http; `problem` says why nothing is known, for people."""

    urls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    insecure: frozenset[str] = frozenset()
    problem: str = ""

    def of(self, host: str) -> tuple[str, ...]:
        return self.urls.get(host, ())


def info_command() -> list[str]:
    return ["docker", "info", "--format", "{{json .RegistryConfig}}"]


def parse_info(stdout: str) -> Mirrors:
    """The engine's registry configuration (Docker Engine API, `SystemInfo.RegistryConfig`)."""
    try:
        document = json.loads(stdout)
    except ValueError:
        return Mirrors(problem="docker info gave no answer that can be read")
    if not isinstance(document, dict):
        return Mirrors(problem="the engine does not tell its registry configuration")
    urls: dict[str, tuple[str, ...]] = {}
    insecure: set[str] = set()
    configs = document.get("IndexConfigs")
    for host, config in (configs if isinstance(configs, dict) else {}).items():
        if not isinstance(config, dict):
            continue
        if found := _urls(config.get("Mirrors")):
            urls[host] = found
        if config.get("Secure") is False:
            insecure.add(host)
    if references.DOCKER_HUB not in urls and (found := _urls(document.get("Mirrors"))):
        urls[references.DOCKER_HUB] = found
    return Mirrors(urls, frozenset(insecure))


def engine_mirrors() -> Mirrors:
    """Ask the engine. Never raises: without an engine there are simply no mirrors, and `problem` says so."""
    if (told := _from_socket()) is not None:
        return parse_info(told)
    try:
        done = process.run(info_command(), timeout=_SECONDS)
    except (WindlassError, OSError) as error:
        return Mirrors(problem=f"the engine's mirrors are not known: {error}")
    if not done.ok:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        return Mirrors(problem=f"the engine's mirrors are not known: {said[0][:160]}")
    return parse_info(done.stdout)


def _from_socket() -> str | None:
    """What `docker info` would print, from the engine's own socket: a tenth of the time. None where the client might ask
    another engine, or this one does not answer; then the client is asked, and says why."""
    if os.environ.get("DOCKER_HOST") or os.environ.get("DOCKER_CONTEXT") or not Path(_SOCKET).is_socket():
        return None
    settings = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
    connection = _Local("localhost", timeout=_SECONDS)
    try:
        if settings.exists() and json.loads(settings.read_bytes()).get("currentContext", "default") != "default":
            return None
        connection.request("GET", "/info")
        response = connection.getresponse()
        document = json.loads(response.read(_LARGEST))
        return json.dumps(document["RegistryConfig"]) if response.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError):
        return None
    finally:
        connection.close()


class _Local(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(_SOCKET)


def _urls(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(url for url in value if isinstance(url, str) and _usable(url))


def _usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and references.is_host(parts.netloc)
