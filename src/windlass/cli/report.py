"""The report of a run: for people, and as the document of `--json`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from windlass.cli.failure import as_document
from windlass.cli.output import Output, output, print_json, seconds, short
from windlass.errors import StageFailed, WindlassError

if TYPE_CHECKING:
    from windlass.model.delivery import Delivery, RollOut


def show(delivery: Delivery, *, as_json: bool) -> int:
    """Print the report; returns the exit code."""
    if as_json:
        print_json(document(delivery))
    else:
        tell(delivery, output())
    return delivery.exit_code


def document(delivery: Delivery) -> dict[str, Any]:
    """The contract of `windlass run --json`."""
    rollout = delivery.rollout
    return {
        "release": rollout.release.id if rollout else None,
        "commit": delivery.commit,
        "environment": delivery.environment,
        "outcome": delivery.outcome,
        "running": _running(rollout),
        "now": rollout.now if rollout else "",
        "changed": rollout.changed if rollout else None,
        "services": [
            {
                "name": service.name,
                "digest": service.digest,
                "repository": service.repository,
                "tags": list(service.tags),
                "built": service.built,
                "scanned": service.scanned,
            }
            for service in delivery.services
        ],
        "stages": [
            {"name": stage.name, "seconds": round(stage.seconds, 2), "outcome": stage.outcome}
            for stage in delivery.stages
        ],
        "failures": [
            {"service": name, **as_document(error), "log": list(error.log) if isinstance(error, StageFailed) else []}
            for name, error in delivery.failures.items()
        ],
        "excluded": [{"service": name, "reason": reason} for name, reason in rollout.release.excluded]
        if rollout
        else [],
        "checks": [
            {
                "name": c.name,
                "service": c.service,
                "url": c.url,
                "passed": c.passed,
                "seconds": round(c.seconds, 2),
                "last": c.last,
            }
            for c in (rollout.checks if rollout else ())
        ],
        "failure": as_document(rollout.failure) if rollout and rollout.failure else None,
        "restore_failure": as_document(rollout.restore_failure) if rollout and rollout.restore_failure else None,
        "refusal": as_document(delivery.refusal) if delivery.refusal else None,
        "evidence": rollout.evidence if rollout else None,
        "not_scanned": delivery.not_scanned,
        "exit_code": delivery.exit_code,
    }


def _running(rollout: RollOut | None) -> str | None:
    if rollout is None:
        return None
    if rollout.outcome == "healthy":
        return rollout.release.id
    runs = rollout.restored or rollout.running
    return runs.id if runs else None


def tell(delivery: Delivery, out: Output) -> None:
    out.say()
    for names, error in _grouped(delivery):
        _failure(", ".join(names), error, out)
    rollout = delivery.rollout
    if delivery.services:
        _services(delivery, out)
    if rollout is not None and rollout.failure is not None:
        _failed_rollout(rollout, out)
    if delivery.refusal is not None:
        _failure(delivery.refusal.where or "", delivery.refusal, out, word="refused")
    out.say(_verdict(delivery, out))
    if rollout is not None:
        for name, reason in rollout.release.excluded:
            out.say(f"[yellow]left out[/]  {name}: {out.plain(reason)}", indent=10)
    if delivery.not_scanned:
        out.say(f"[yellow]NOT SCANNED[/]  {delivery.not_scanned}; install trivy to have them looked at", indent=13)


def _services(delivery: Delivery, out: Output) -> None:
    """One row a service; what is the same for all is said once."""
    scanned = delivery.not_scanned is None or any(one.scanned != "not scanned" for one in delivery.services)
    headers = ("service", "image", "", "scan") if scanned else ("service", "image", "")
    rows = [
        (f"[bold]{one.name}[/]", short(one.digest), "built" if one.built else "unchanged", one.scanned)[: len(headers)]
        for one in delivery.services
    ]
    out.table(headers, rows)
    for tags in dict.fromkeys(one.tags for one in delivery.services if one.tags):
        out.say(f"[dim]tagged[/] {', '.join(tags)}", indent=7)
    out.say()


def _grouped(delivery: Delivery) -> list[tuple[list[str], WindlassError]]:
    """Services that failed for one and the same reason (a full disk, a registry that went away) are told together."""
    groups: dict[tuple[object, ...], tuple[list[str], WindlassError]] = {}
    for name, error in delivery.failures.items():
        key = (error.message, error.remedy, error.log if isinstance(error, StageFailed) else ())
        groups.setdefault(key, ([], error))[0].append(name)
    return list(groups.values())


def _failure(name: str, error: WindlassError, out: Output, *, word: str = "failed") -> None:
    out.say(f"[red]{word}[/]  [bold]{name}[/]  {out.plain(error.message)}", indent=len(word) + 2)
    if isinstance(error, StageFailed):
        for line in error.log:
            out.say(f"[dim]{out.plain(line)}[/]", indent=10, first=8)
    if error.remedy:
        out.say(f"[bold]do[/] {out.plain(error.remedy)}", indent=len(word) + 5, first=len(word) + 2)
    out.say()


def _failed_rollout(rollout: RollOut, out: Output) -> None:
    failure = rollout.failure
    assert failure is not None
    out.say(f"[red]failed[/]  [bold]{rollout.release.id}[/]  {out.plain(failure.message)}", indent=8)
    for service, lines in getattr(failure, "evidence", {}).items():
        out.say(f"[bold]{service}[/] said last:", indent=8, first=8)
        for line in lines[-20:]:
            out.say(f"[dim]{out.plain(line)}[/]", indent=12, first=10)
    if rollout.evidence:
        out.say(f"kept in {out.plain(_home(rollout.evidence))}", indent=8, first=8)
    if failure.remedy:
        out.say(f"[bold]do[/] {out.plain(failure.remedy)}", indent=11, first=8)
    out.say()


def _verdict(delivery: Delivery, out: Output) -> str:
    rollout, place = delivery.rollout, delivery.environment
    took = seconds(sum(stage.seconds for stage in delivery.stages))
    if delivery.refusal is not None:
        return (
            f"[red bold]refused[/]  {delivery.commit[:7]} is published, and nothing was deployed to {place}, in {took}"
        )
    if rollout is None:
        if delivery.failures:
            stopped = f"; nothing was deployed to {place}" if place else ""
            return f"[red bold]{delivery.outcome}[/]  {len(delivery.failures)} failed, in {took}{stopped}"
        pushed = any(service.tags for service in delivery.services)
        return f"[green bold]{'published' if pushed else 'done'}[/]  {delivery.commit[:7]} in {took}"
    release = rollout.release.id
    if rollout.outcome == "healthy":
        count = len(rollout.checks)
        checks = f", {count} check{'' if count == 1 else 's'} passed" if count else ", no checks configured"
        unchanged = "" if rollout.changed else " (it ran already: nothing changed)"
        return f"[green bold]healthy[/]  {release} serves {place}{unchanged}{checks}, in {took}"
    if rollout.restored is not None:
        return (
            f"[yellow bold]restored[/]  {rollout.restored.id} serves {place} again; {release} did not stay, in {took}"
        )
    if not rollout.changed:
        return f"[red bold]failed[/]  {release} serves {place}, but its checks fail; nothing was changed, in {took}"
    if rollout.restore_failure is not None:
        now = out.plain(rollout.now) if rollout.now else f"windlass status {place} shows what runs"
        remedy = rollout.restore_failure.remedy
        return (
            f"[red bold]failed[/]  {release} did not become healthy on {place}, and going back failed too: "
            f"{out.plain(rollout.restore_failure.message)}; {now}"
            + (f"\n[bold]do[/]  {out.plain(remedy)}" if remedy else "")
        )
    return (
        f"[red bold]failed[/]  {release} did not become healthy on {place}, and there is no earlier release to restore"
    )


def _home(path: str) -> str:
    home = str(Path.home())
    return "~" + path[len(home) :] if path.startswith(home + "/") else path
