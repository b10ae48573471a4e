"""What makes a service a worker: it tells the platform, again and again, that it is there and what it can do."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence

from service_kit.app import App, Problem
from service_kit.client import call
from service_kit.logs import log
from service_kit.server import serve
from service_kit.tls import self_signed

HEARTBEAT_SECONDS = 2.0


def run_worker(app: App, port: int, capabilities: Sequence[str]) -> None:
    """Serve a worker until it is told to stop.

    Environment: `TLS=self-signed` to serve HTTPS; `PLATFORM_URL` and `PLATFORM_AUTH_TOKEN` to be found by the platform.
    """
    encrypted = os.environ.get("TLS") == "self-signed"
    platform = os.environ.get("PLATFORM_URL", "")
    token = os.environ.get("PLATFORM_AUTH_TOKEN", "")
    entry = {"url": f"{'https' if encrypted else 'http'}://{app.name}:{port}", "capabilities": list(capabilities)}

    def announce(stop: threading.Event) -> None:
        known = None
        while True:
            try:
                call("PUT", f"{platform}/v1/workers/{app.name}", entry, token=token)
                said = "registered"
            except Problem as problem:
                said = f"not registered: {problem.message}"
            if said != known:
                log(said, service=app.name, platform=platform)
                known = said
            if stop.wait(HEARTBEAT_SECONDS):
                return

    serve(app, port, tls=self_signed(app.name) if encrypted else None, background=[announce] if platform else [])
