"""The platform's HTTP interface. Everything below `/v1` needs the bearer token."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

from crank_platform.workers import Workers
from service_kit import App, Problem, Request

Call = Callable[[str, str, Any], Any]


def make_app(token: str, workers: Workers, call: Call) -> App:
    """
    Args:
        call: sends (method, URL, document) to a worker and returns its answer.
    """
    app = App("platform")

    def authorised(request: Request) -> None:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            raise Problem(401, "a valid bearer token is needed")

    @app.get("/v1/workers")
    def list_workers(request: Request) -> dict[str, Any]:
        authorised(request)
        return {"workers": [worker.describe() for worker in workers.present()]}

    @app.put("/v1/workers/{name}")
    def register(request: Request) -> dict[str, Any]:
        authorised(request)
        url, capabilities = request.field("url", str), request.field("capabilities", list)
        return workers.register(request.parameters["name"], url, capabilities).describe()

    @app.post("/v1/jobs")
    def run_job(request: Request) -> dict[str, Any]:
        authorised(request)
        capability, job = request.field("capability", str), request.field("input", dict)
        worker = workers.able(capability)
        if worker is None:
            raise Problem(503, f"no worker here can do '{capability}'")
        return {"worker": worker.name, "result": call("POST", f"{worker.url}/v1/{capability}", job)}

    return app
