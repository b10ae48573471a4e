"""Health checks as probes."""

from __future__ import annotations

from windlass.model.project import HealthCheck
from windlass.verify.probe import Expectation, Probe


def to_probe(check: HealthCheck) -> Probe:
    """A GET of the check's path; healthy when the status is as declared, or below 400."""
    return Probe(
        name=f"{check.path} on {check.port}",
        service=check.service,
        port=check.port,
        scheme=check.scheme,
        insecure=check.insecure,
        path=check.path,
        expect=Expectation(status=check.status),
    )
