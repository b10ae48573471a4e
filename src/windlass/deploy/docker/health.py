"""Health checks that find a healthy container soon after it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from windlass.compose.load import ComposeModel

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_DEFAULT_INTERVAL = 30.0
_QUICK = 0.2
_SLOWEST = 2.0


def with_quick_starts(
    model: ComposeModel, starting: Iterable[str], of_images: Mapping[str, Mapping[str, Any]]
) -> ComposeModel:
    """The model, where the services that start are probed soon. It is no part of their configuration: how often a container
    is asked while it starts is no reason to replace one that runs.

    Every probe starts a program: the more services start together, the rarer each is asked.

    Args:
        of_images: service → its image's own health check (`Config.Healthcheck` of `docker image inspect`).
    """
    services = dict(model["services"])
    names = [name for name in starting if name in services]
    every = min(_QUICK * max(1, len(names)), _SLOWEST)
    for name in names:
        services[name] = with_quick_start(services[name], of_images.get(name), every=every)
    return {**model, "services": services}


def with_quick_start(
    service: Mapping[str, Any], of_image: Mapping[str, Any] | None, *, every: float = _QUICK
) -> dict[str, Any]:
    """A Compose service that is probed often while it starts, where the user has not said how often.

    The engine uses `start_interval` only during `start_period`. Where there is none, it is set to one interval: before
    that the engine would not have probed at all, so no failure is forgiven that would have counted.

    Args:
        of_image: the image's own health check (`Config.Healthcheck` of `docker image inspect`, times in nanoseconds).
        every: seconds between two probes.
    """
    check = dict(service.get("healthcheck") or {})
    test = check.get("test") or (of_image or {}).get("Test")
    if check.get("disable") or not test or next(iter(test)) == "NONE" or check.get("start_interval"):
        return dict(service)
    if (of_image or {}).get("StartInterval"):
        return dict(service)
    nanoseconds = of_image or {}
    interval = seconds(check.get("interval")) or nanoseconds.get("Interval", 0) / 1e9 or _DEFAULT_INTERVAL
    period = seconds(check.get("start_period")) or nanoseconds.get("StartPeriod", 0) / 1e9 or interval
    check["start_period"] = check.get("start_period") or f"{period:g}s"
    check["start_interval"] = f"{min(interval, every):g}s"
    return {**service, "healthcheck": check}


def seconds(duration: object) -> float:
    """Seconds of a Go duration such as `1m30s`, as Compose prints it; 0 for none."""
    return sum(float(n) * _UNITS[unit] for n, unit in re.findall(r"([\d.]+)(h|ms|us|µs|ns|m|s)", str(duration or "")))
