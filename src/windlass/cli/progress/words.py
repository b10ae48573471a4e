"""The words that every view of a run uses, so that a live view and a CI log read alike. Pure."""

from __future__ import annotations

from windlass.cli.output import Output, seconds
from windlass.model.events import Notice, ServiceFinished, StageFinished

_STYLE = {
    "ok": "green",
    "failed": "red",
    "skipped": "yellow",
    "interrupted": "yellow",
    "unchanged": "dim",
    "reused": "dim",
}


def stage_line(event: StageFinished) -> str:
    """`build      ok         12 s  2 to build, 3 unchanged`, as markup."""
    style = _STYLE[event.outcome]
    detail = f"  {event.detail}" if event.detail else ""
    took = f"{seconds(event.seconds):>{17 - max(9, len(event.outcome))}}"
    return f"[bold]{event.stage:<8}[/] [{style}]{event.outcome:<9}[/]{took}{detail}"


def finished(event: ServiceFinished, output: Output) -> str:
    style = _STYLE[event.outcome]
    took = f" in {seconds(event.seconds)}" if event.seconds >= 0.05 else ""
    detail = event.detail
    if detail.startswith("sha256:"):
        detail = detail[7:19]
    said = f"  [dim]{output.plain(detail)}[/]" if detail else ""
    return f"  {event.stage} {event.service}: [{style}]{event.outcome}[/]{took}{said}"


def notice(event: Notice, output: Output) -> str:
    word = "[yellow]warning[/]" if event.level == "warning" else "[dim]note   [/]"
    remedy = f" ({event.remedy})" if event.remedy else ""
    return f"{word}  {output.plain(event.text + remedy)}"
