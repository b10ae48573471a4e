"""Making a release bad, by one more Compose file or suite in its tree. Pure: texts. JSON is YAML (YAML 1.2, section 1.3)."""

from __future__ import annotations

import json
from typing import Any

from windlass.model.project import HealthCheck

COMPOSE = "windlass-drill.compose.json"
SUITE = "windlass-drill.api.json"
_NOWHERE = "windlass-drill-there-is-no-such-program"


def harmless(service: str, number: int) -> str:
    """A change that makes new containers of a service and does nothing else."""
    return _override(service, {"environment": {"WINDLASS_DRILL": str(number)}})


def never_ready(service: str, number: int) -> str:
    check = {"test": ["CMD", _NOWHERE], "interval": "1s", "timeout": "5s", "retries": 2, "start_period": "0s"}
    return _override(service, {"environment": {"WINDLASS_DRILL": str(number)}, "healthcheck": check})


def crash_loop(service: str, number: int) -> str:
    """Ends with 3 at once where there is a shell; where there is none, it cannot even start."""
    return _override(
        service,
        {
            "environment": {"WINDLASS_DRILL": str(number)},
            "entrypoint": ["/bin/sh", "-c", "exit 3"],
            "command": [],
            "restart": "always",
        },
    )


def suite(check: HealthCheck, *, passes: bool) -> str:
    """An API suite that asks what a health check asks, and expects an answer that is there, or one that nobody gives."""
    expect: dict[str, Any] = {} if passes else {"contains": _NOWHERE}
    case: dict[str, Any] = {
        "name": "a check of the drill",
        "service": check.service,
        "port": check.port,
        "scheme": check.scheme,
        "path": check.path,
        "expect": {**({"status": check.status} if check.status else {}), **expect},
        "deadline": "3s",
    }
    if check.scheme == "https":
        case["insecure"] = check.insecure
    return json.dumps({"cases": [case]}, indent=1)


def _override(service: str, section: dict[str, Any]) -> str:
    return json.dumps({"services": {service: section}}, indent=1)
