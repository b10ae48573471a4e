"""Health checks that find a healthy container soon after it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_DEFAULT_INTERVAL = 30.0
_QUICK = 0.25


def with_quick_start(service: dict[str, Any], of_image: Mapping[str, Any] | None) -> None:
    """Probe four times a second while the container starts, where the user has not said how often.

    The engine uses `start_interval` only during `start_period`. Where there is none, it is set to one interval: before
    that the engine would not have probed at all, so no failure is forgiven that would have counted.

    Args:
        service: a Compose service; its `healthcheck` is changed.
        of_image: the image's own health check (`Config.Healthcheck` of `docker image inspect`, times in nanoseconds).
    """
    check = dict(service.get("healthcheck") or {})
    test = check.get("test") or (of_image or {}).get("Test")
    if check.get("disable") or not test or next(iter(test)) == "NONE" or check.get("start_interval"):
        return
    if (of_image or {}).get("StartInterval"):
        return
    nanoseconds = of_image or {}
    interval = seconds(check.get("interval")) or nanoseconds.get("Interval", 0) / 1e9 or _DEFAULT_INTERVAL
    period = seconds(check.get("start_period")) or nanoseconds.get("StartPeriod", 0) / 1e9 or interval
    check["start_period"] = check.get("start_period") or f"{period:g}s"
    check["start_interval"] = f"{min(interval, _QUICK):g}s"
    service["healthcheck"] = check


def seconds(duration: object) -> float:
    """Seconds of a Go duration such as `1m30s`, as Compose prints it; 0 for none."""
    return sum(float(n) * _UNITS[unit] for n, unit in re.findall(r"([\d.]+)(h|ms|us|µs|ns|m|s)", str(duration or "")))
