"""What `windlass registry prune` says to people: what goes and what it frees, then why the rest stays."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from windlass.cli.output import Output, short, size

if TYPE_CHECKING:
    from windlass.model.project import RegistrySpec
    from windlass.registry.retention.deletion import DeletionPlan, Item
    from windlass.registry.retention.execute import Left, Outcome
    from windlass.registry.retention.model import Inventory
    from windlass.registry.retention.reason import Because

_WORDS: dict[Because, str] = {
    "runs": "runs in an environment",
    "deploying": "an environment may be half way to it",
    "rollback": "an environment can go back to it",
    "waiting": "waits for approvals on an environment",
    "locked": "locked in the registry",
    "moving": "a moving tag",
    "newest": "one of the newest of its branch",
    "young": "too young",
    "clock": "its time lies in the future: a clock is wrong",
    "undated": "nothing tells how old it is",
    "pending": "pushed within a day: may belong to a push under way",
    "damaged": "it, or what it may belong to, cannot be read",
    "part": "part of an image that stays",
    "refers": "refers to an image that stays",
    "subject": "something that stays refers to it",
    "record": "the record of an image that stays",
    "recent": "a cache or test record in use",
    "foreign": "another project's",
    "name": "a name of an image that stays",
}
_FEW = 20


def tell(plan: DeletionPlan, host: str, dry: bool, verbose: bool, out: Output) -> None:
    deletions = plan.deletions
    if not deletions:
        out.say(f"[bold]{out.plain(host)}[/]: nothing to delete")
    else:
        alone = sum(item.bytes for item in deletions)
        shared = f" ({size(alone)} if nothing were shared)" if alone != plan.frees else ""
        verb = "would delete" if dry else "deletes"
        out.say(f"[bold]{out.plain(host)}[/]: {verb} {_counted(deletions)}, frees {size(plan.frees)}{shared}")
        out.say()
        out.table(("repository", "goes because", "tags", "manifests", "frees"), _groups(deletions, out), indent=2)
    if verbose:
        out.say()
        for item in plan.items:
            action = "[red]goes[/] " if item.delete else "stays"
            out.say(f"{action}  {out.plain(_name(item))}: {out.plain(item.reason.text)}", indent=9, first=2)
    if plan.kept:
        out.say()
        out.say(f"[bold]stays[/]  {_counted(plan.kept)}")
        found = Counter((item.reason.because, item.kind) for item in plan.kept)
        rows = [
            (words, str(found[because, "tag"] or "-"), str(found[because, "manifest"] or "-"))
            for because, words in _WORDS.items()
            if found[because, "tag"] or found[because, "manifest"]
        ]
        out.say()
        out.table(("stays because", "tags", "manifests"), rows, indent=2)


def tell_done(plan: DeletionPlan, outcome: Outcome, inventory: Inventory, registry: RegistrySpec, out: Output) -> None:
    if plan.deletions:
        out.say()
    _tell_left("[red]failed[/]", "could not be deleted", outcome.failed, out)
    _tell_left("[yellow]left[/]", "left alone", outcome.skipped, out)
    if outcome.failed and outcome.remedy:
        out.say(f"[bold]do[/]     {out.plain(outcome.remedy)}", indent=7)
    if not outcome.done:
        return
    if registry.embedded:
        later = "windlass registry gc frees their space"
    elif registry.host.endswith(".azurecr.io"):
        later = "Azure frees their space by itself"
    elif inventory.untags:
        later = "their space is free when the registry has collected its garbage"
    else:
        later = (
            "their space is free when the registry has collected its garbage"
            " (CNCF distribution: registry garbage-collect --delete-untagged)"
        )
    out.say(f"[green]done[/]   {later}", indent=7)


def _tell_left(label: str, words: str, left: list[Left], out: Output) -> None:
    if not left:
        return
    out.say(f"{label} {len(left)} {words}:", indent=7)
    for one in left[:_FEW]:
        out.say(f"{out.plain(_name(one.item))}: {out.plain(one.why)}", indent=9, first=7)
    if len(left) > _FEW:
        out.say(f"and {len(left) - _FEW} more: --json or --report has them all", indent=9, first=7)


def _groups(deletions: tuple[Item, ...], out: Output) -> list[tuple[str, ...]]:
    groups: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in deletions:
        text = item.reason.text
        if item.reason.because == "unused" and text.startswith(("part of", "refers to")):
            text = f"{text.partition(' ')[0]} {text.split(' ')[1]} images that go"
        groups[item.repository, text].append(item)
    rows: list[tuple[str, ...]] = []
    for (repository, text), items in sorted(groups.items()):
        kinds = Counter(item.kind for item in items)
        freed = size(sum(item.frees for item in items)) if kinds["manifest"] else "-"
        rows.append(
            (out.plain(repository), out.plain(text), str(kinds["tag"] or "-"), str(kinds["manifest"] or "-"), freed)
        )
    return rows


def _counted(items: tuple[Item, ...]) -> str:
    kinds = Counter(item.kind for item in items)
    parts = [f"{kinds[kind]} {kind}{'' if kinds[kind] == 1 else 's'}" for kind in ("tag", "manifest") if kinds[kind]]
    return " and ".join(parts)


def _name(item: Item) -> str:
    return f"{item.repository}:{item.name}" if item.kind == "tag" else f"{item.repository}@{short(item.name)}"
