"""Look at every image before it gets a tag."""

from __future__ import annotations

from windlass.errors import EnvironmentUnusable, ScanRefused, WindlassError
from windlass.model.artifacts import NotScanned, Scanned, ScanReport, Tested
from windlass.model.delivery import Results
from windlass.model.events import Emit, ServiceFinished, ServiceStarted
from windlass.scan.policy import read_ignore_file
from windlass.scan.stage import scan_image
from windlass.steps.tools import Tools


def scan(tested: Results[Tested], tools: Tools, ignore_text: str | None, emit: Emit) -> Results[Scanned]:
    """Reports of all images; a refused one is a failure of its service.

    Without a scanner each report is `NotScanned`, which the report of the run says loudly; with `scan.required` it is a
    failure.
    """
    project = tools.project
    ignore = read_ignore_file(ignore_text) if ignore_text else ()
    done: dict[str, Scanned] = {}
    failed: dict[str, WindlassError] = dict(tested.failed)
    for name, item in tested.done.items():
        started = tools.clock.now()
        emit(ServiceStarted("scan", name))
        built = item.built
        image = (
            built.image
            or f"{project.registry.host}/{project.registry.repository(built.plan.service.image)}@{built.digest}"
        )
        own = built.plan.service.build
        platforms = (own and own.platforms) or project.platforms
        report = scan_image(tools.scanner, image, platforms, project.scan, ignore)
        if isinstance(report, ScanReport) and report.refused:
            failed[name] = _refusal(name, report)
            emit(ServiceFinished("scan", name, "failed", tools.clock.now() - started, summary(report)))
            continue
        if isinstance(report, NotScanned) and project.scan.required:
            failed[name] = EnvironmentUnusable(
                f"not scanned: {report.reason}", where=name, remedy="install trivy, or set scan.required: false"
            )
            continue
        done[name] = Scanned(item, report)
        if isinstance(report, ScanReport):
            emit(ServiceFinished("scan", name, "ok", tools.clock.now() - started, summary(report)))
    return Results(done, failed)


def unscanned(results: Results[Scanned]) -> str:
    """Why images were not looked at, for the line of the stage; empty when all were."""
    reasons = (item.report.reason for item in results.done.values() if isinstance(item.report, NotScanned))
    return next((f"not scanned: {reason}" for reason in reasons), "")


def summary(report: ScanReport | NotScanned) -> str:
    """A short verdict that goes with the release: "not scanned", "clean", "3 findings (1 critical)"."""
    if isinstance(report, NotScanned):
        return "not scanned"
    if not report.findings:
        return "clean"
    worst = sum(finding.severity == "critical" for finding in report.findings)
    count = len(report.findings)
    return f"{count} finding{'s' if count != 1 else ''}" + (f" ({worst} critical)" if worst else "")


def _refusal(name: str, report: ScanReport) -> ScanRefused:
    shown = report.refused[:5]
    lines = [
        f"{f.id} {f.severity}: {f.package} {f.installed}" + (f", fixed in {f.fixed}" if f.fixed else "") for f in shown
    ]
    if len(report.refused) > len(shown):
        lines.append(f"and {len(report.refused) - len(shown)} more")
    return ScanRefused(
        f"{len(report.refused)} findings the policy does not accept:\n" + "\n".join(lines),
        where=name,
        remedy="update the package or the base image, or accept one by id in the ignore file",
    )
