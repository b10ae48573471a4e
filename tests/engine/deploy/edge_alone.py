"""An edge without a deployment: HAProxy in front of small servers, on a network of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from windlass import process
from windlass.deploy.docker.edge.client import EdgeClient, generation, start_command
from windlass.deploy.docker.edge.render import Carried, Server, place, render

ANSWERING = """
import http.server, os

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one piece: one that is killed has answered whole, or not at all

    def do_GET(self):
        length = int(self.headers.get("Content-Length") or 0)
        print(self.command, self.path, flush=True)
        self.rfile.read(length)
        if self.path == os.environ.get("HANGS_UP_ON"):
            self.close_connection = True
            return
        text = os.environ["VERSION"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_POST = do_GET

    def log_message(self, *args):
        pass

class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128

Server(("", 8080), Handler).serve_forever()
"""


@dataclass
class Alone:
    """`edge` is the container of the edge once it was started, `port` where it is published."""

    port: int
    name: str = field(default_factory=lambda: f"windlass-test-edge-{uuid.uuid4().hex[:8]}")
    containers: list[str] = field(default_factory=list)
    edge: str = ""

    def server(self, version: str, **environment: str) -> Server:
        settings = [f"--env={key}={value}" for key, value in ({"VERSION": version} | environment).items()]
        id = self._run(*settings, "python:3.12-slim", "python", "-c", ANSWERING)
        return Server(id, self.address(id))

    def address(self, id: str) -> str:
        shown = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return process.run(["docker", "inspect", "--format", shown, id], check=True).stdout.strip()

    def lead(self, carried: Carried, before: Carried | None = None) -> EdgeClient:
        """Start the edge, or bring it to carry something else."""
        if not self.edge:
            script = start_command()
            config = render(carried, generation=generation(carried))
            self.edge = self._run(
                f"--publish=127.0.0.1:{self.port}:8080", f"--env=WINDLASS_EDGE={config}",
                f"--entrypoint={script[0]}", "haproxy:lts", *script[1:],
            )  # fmt: skip
            client = EdgeClient(self.edge)
            client.wait()
            return client
        client = EdgeClient(self.edge)
        client.apply(before, carried)
        return client

    def heard(self, server: Server) -> list[str]:
        """The requests that a server has been asked, as `METHOD PATH`."""
        return process.run(["docker", "logs", server.id], check=True).stdout.splitlines()

    def _run(self, *words: str) -> str:
        started = process.run(["docker", "run", "--detach", "--network", self.name, *words], check=True)
        self.containers.append(started.stdout.strip())
        return self.containers[-1]


def web(*servers: Server, places: int = 0, more: Sequence[int] = ()) -> Carried:
    """What an edge carries that leads to these; `more` are ports beside 8080, `places` those that are free beside others."""
    slots = (*place((), servers), *(None,) * places)
    return Carried({"web": {8080: "http", **dict.fromkeys(more, "http")}}, {"web": slots})


@contextmanager
def alone(port: int) -> Iterator[Alone]:
    made = Alone(port)
    process.run(["docker", "network", "create", made.name], check=True)
    try:
        yield made
    finally:
        process.run(["docker", "rm", "--force", "--volumes", *made.containers])
        process.run(["docker", "network", "rm", made.name])
