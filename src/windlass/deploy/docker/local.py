"""Looking at containers by the engine's own socket, where it is on this machine: a deployment looks dozens of times, and a
`docker` program takes longer to start than the engine to answer.

Docker Engine API, "List containers" and "Inspect a container". Nothing is changed here.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from urllib.parse import quote

_USUAL = "/var/run/docker.sock"
_SECONDS = 10.0


def socket_of(environ: Mapping[str, str], context: str) -> str:
    """The socket that the user's `docker` talks to; "" where that is not plain to see.

    Args:
        context: the one that `docker context use` wrote, or "".
    """
    if address := environ.get("DOCKER_HOST"):
        return address.removeprefix("unix://") if address.startswith("unix:///") else ""
    return _USUAL if (environ.get("DOCKER_CONTEXT") or context) in ("", "default") else ""


def containers(path: str, project: str) -> str | None:
    """What `docker inspect` prints of all containers of a Compose project, running or not; None when the socket does not
    answer as it should: then the `docker` program is to be asked, and says why."""
    wanted = quote(json.dumps({"label": [f"com.docker.compose.project={project}"]}))
    connection = _Connection(path)
    try:
        listed = _get(connection, f"/containers/json?all=1&filters={wanted}")
        if listed is None:
            return None
        # One that was removed in between is missing, which is right.
        found = [_get(connection, f"/containers/{each['Id']}/json") for each in json.loads(listed)]
        return f"[{','.join(text for text in found if text is not None)}]"
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        connection.close()


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
