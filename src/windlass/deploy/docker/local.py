"""Looking at containers and images by the engine's own socket, where it is on this machine: a deployment looks dozens of
times, and a `docker` program takes longer to start than the engine to answer.

Docker Engine API, "List containers", "Inspect a container", "Inspect an image" and "Get version". Nothing is changed here.
Every answer is None when the socket does not answer as it should: then the `docker` program is to be asked, and says why.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

_USUAL = "/var/run/docker.sock"
_SECONDS = 10.0
_T = TypeVar("_T")


def socket_of(environ: Mapping[str, str], context: str) -> str:
    """The socket that the user's `docker` talks to; "" where that is not plain to see.

    Args:
        context: the one that `docker context use` wrote, or "".
    """
    if address := environ.get("DOCKER_HOST"):
        return address.removeprefix("unix://") if address.startswith("unix:///") else ""
    return _USUAL if (environ.get("DOCKER_CONTEXT") or context) in ("", "default") else ""


def containers(path: str, project: str) -> str | None:
    """What `docker inspect` prints of all containers of a Compose project, running or not."""
    wanted = quote(json.dumps({"label": [f"com.docker.compose.project={project}"]}))

    def look(connection: _Connection) -> str:
        listed = json.loads(_get(connection, f"/containers/json?all=1&filters={wanted}") or "")
        return _inspected(connection, [each["Id"] for each in listed])

    return _ask(path, look)


def inspected(path: str, ids: Sequence[str]) -> str | None:
    """What `docker inspect` prints of those of these containers that are there."""
    return _ask(path, lambda connection: _inspected(connection, ids))


def images(path: str, references: Iterable[str]) -> dict[str, dict[str, Any]] | None:
    """What `docker image inspect` prints of those images that are there, by reference."""

    def look(connection: _Connection) -> dict[str, dict[str, Any]]:
        answers = {each: _get(connection, f"/images/{quote(each, safe=':/@')}/json") for each in references}
        return {each: json.loads(text) for each, text in answers.items() if text is not None}

    return _ask(path, look)


def resources(path: str, project: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]] | None:
    """The networks and the volumes of a Compose project, as `docker network inspect` and `docker volume inspect` print them."""
    wanted = quote(json.dumps({"label": [f"com.docker.compose.project={project}"]}))

    def look(connection: _Connection) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        networks = json.loads(_get(connection, f"/networks?filters={wanted}") or "[]")
        return networks, json.loads(_get(connection, f"/volumes?filters={wanted}") or "{}").get("Volumes") or []

    return _ask(path, look)


def volumes(path: str, project: str, label: str) -> list[tuple[str, dict[str, str]]] | None:
    """Name and this label of the volumes of a Compose project that bear it."""
    wanted = quote(json.dumps({"label": [f"com.docker.compose.project={project}", label]}))

    def look(connection: _Connection) -> list[tuple[str, dict[str, str]]]:
        found = json.loads(_get(connection, f"/volumes?filters={wanted}") or "{}").get("Volumes") or []
        return [(str(volume["Name"]), {label: str(volume["Labels"][label])}) for volume in found]

    return _ask(path, look)


def version(path: str) -> dict[str, Any] | None:
    """What `docker version` prints of the engine."""
    return _ask(path, lambda connection: dict(json.loads(_get(connection, "/version") or "")))


def _ask(path: str, look: Callable[[_Connection], _T]) -> _T | None:
    if not path:
        return None
    connection = _Connection(path)
    try:
        return look(connection)
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        connection.close()


def _inspected(connection: http.client.HTTPConnection, ids: Iterable[str]) -> str:
    # One that was removed in between is missing, which is right.
    found = [_get(connection, f"/containers/{id}/json") for id in ids]
    return f"[{','.join(text for text in found if text is not None)}]"


def _get(connection: http.client.HTTPConnection, path: str) -> str | None:
    """The answer's text; None when there is no such thing."""
    connection.request("GET", path)
    response = connection.getresponse()
    text = response.read().decode()
    if response.status not in (200, 404):
        raise ValueError(text[:200])
    return text if response.status == 200 else None


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
