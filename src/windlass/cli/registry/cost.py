"""`windlass registry cost`: what is stored, who needs it, and what that costs."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from windlass.cli import options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from windlass.cli.output import Output
    from windlass.cli.registry.look import Disk, Listing, Saving
    from windlass.model.prices import Prices
    from windlass.registry.manage.cost import Price, RepositoryUse, Usage

EXAMPLE = "windlass registry cost"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("service", nargs="?", metavar="SERVICE", help="its tags, one by one; default: all repositories")
    options.directory(parser)
    options.as_json(parser)


@dataclass(frozen=True, slots=True)
class Report:
    host: str
    usage: Usage
    services: Mapping[str, str]
    prices: Prices
    offers: tuple[Price, ...]
    listing: Listing
    saving: Saving
    disk: Disk | None = None


def run(arguments: argparse.Namespace) -> int:
    from windlass import wiring
    from windlass.cli.output import output, print_json
    from windlass.cli.registry import look
    from windlass.cli.session import open_session
    from windlass.registry.manage.cost import compare, usage
    from windlass.registry.manage.naming import repository_of, without_pointer

    session = open_session(arguments, on_call=True)
    project = session.project
    host = project.registry.host
    wiring.ensure_registry(project)
    client = wiring.looking_client(project)
    listing = look.listing(client, session)
    chosen = arguments.service and repository_of(without_pointer(arguments.service, host), project, listing.names)
    inventory = look.survey(client, session, listing.names)
    used = usage(inventory)
    report = Report(
        host,
        used,
        look.services(session),
        project.prices,
        compare(project.prices, used.stored),
        listing,
        look.saving(session, inventory),
        look.disk() if project.registry.embedded else None,
    )
    if arguments.json:
        print_json(document(report, chosen))
    elif chosen:
        tell_repository(report, chosen, output())
    else:
        tell(report, output())
    return 0


def tell(report: Report, out: Output) -> None:
    from windlass.cli.output import size

    used = report.usage
    if not used.repositories:
        out.say(f"{out.plain(report.host)} holds nothing yet")
        return
    rows = [_row(one, report.services, out) for one in sorted(used.repositories, key=lambda one: -one.stored)]
    if used.shared:
        rows.append(("[dim]needed by several[/]", "", "", "", f"{size(used.shared):>8}"))
    images = sum(one.images for one in used.repositories)
    rows.append(
        ("all", f"{images:>6}", f"{size(used.logical):>8}", f"{size(used.stored):>8}", f"{size(used.stored):>8}")
    )
    out.table(("repository", "images", " logical", "  stored", "     own"), rows)
    out.say()
    share = f" ({used.saved / used.logical:.0%})" if used.logical else ""
    out.say(f"[bold]sharing[/]  saves {size(used.saved)}{share}: layers are stored once", indent=9)
    loose = sum(one.untagged for one in used.repositories)
    if loose:
        held = sum(one.untagged_bytes for one in used.repositories)
        out.say(f"[bold]untagged[/] {loose} images, {size(held)} that only they need", indent=9)
    _tell_saving(report, out)
    if report.disk is not None:
        free = f", {size(report.disk.unused)} of it free after windlass registry gc" if report.disk.unused else ""
        out.say(f"[bold]disk[/]     {size(report.disk.content)} in {out.plain(report.disk.root)}{free}", indent=9)
    out.say()
    _tell_prices(report, out)
    from windlass.cli.registry.look import tell_partial

    tell_partial(report.listing, report.host, out)


def tell_repository(report: Report, name: str, out: Output) -> None:
    """A repository's tags, the one that holds most of its own first."""
    from windlass.cli.output import short, size

    found = next((one for one in report.usage.repositories if one.name == name), None)
    if found is None or not (found.tags or found.untagged):
        out.say(f"{out.plain(report.host)}/{out.plain(name)} holds nothing")
        return
    rows = [
        (out.plain(one.name), short(one.digest), f"{size(one.logical):>8}", f"{size(one.own):>8}")
        for one in sorted(found.tags, key=lambda one: (-one.own, one.name))
    ]
    if found.untagged:
        rows.append((f"[dim]{found.untagged} untagged[/]", "", "", f"{size(found.untagged_bytes):>8}"))
    out.table(("tag", "image", " logical", "     own"), rows)
    out.say(
        f"[dim]{out.plain(name)} stores {size(found.stored)}, {size(found.own)} of it for nobody else; own is what"
        " removing the tag alone would free[/]"
    )


def _row(one: RepositoryUse, services: Mapping[str, str], out: Output) -> tuple[str, ...]:
    from windlass.cli.output import size

    name = f"[bold]{out.plain(one.name)}[/]" if one.name in services else out.plain(one.name)
    return (name, f"{one.images:>6}", f"{size(one.logical):>8}", f"{size(one.stored):>8}", f"{size(one.own):>8}")


def _tell_saving(report: Report, out: Output) -> None:
    from windlass.cli.output import size

    saving = report.saving
    if saving.unknown is not None:
        out.say(f"[bold]prune[/]    what it would free is not known: {out.plain(saving.unknown)}", indent=9)
        return
    if not saving.images:
        out.say("[bold]prune[/]    would delete nothing", indent=9)
        return
    less = saved_month(report)
    money = f", {less:,.2f} {report.prices.currency} a month less" if less >= 0.005 else ", which changes no price"
    out.say(f"[bold]prune[/]    would delete {saving.images} manifests and free {size(saving.frees)}{money}", indent=9)


def _tell_prices(report: Report, out: Output) -> None:
    from windlass.registry.manage.cost import GIB, cheapest, reason

    prices, offers = report.prices, report.offers
    best = cheapest(offers)
    rows = []
    for offer in offers:
        tier = offer.tier
        marks = [*(["now"] if tier.name == prices.tier else []), *(["cheapest"] if offer is best else [])]
        extra = f"{offer.extra:,.2f} for {offer.extra_gib:,.1f} GiB more" if offer.extra_gib else ""
        month = f"{offer.month:>10,.2f}" if offer.fits else f"{'too small':>10}"
        rows.append(
            (out.plain(tier.name), f"{tier.included_gib:>6g} GiB", month, extra if offer.fits else "", ", ".join(marks))
        )
    out.table(("tier", "  included", f"{prices.currency:>4} /month", "of which", ""), rows)
    if best is not None:
        out.say(
            f"{out.plain(best.tier.name)} for {report.usage.stored / GIB:,.2f} GiB: {reason(best, offers)}", indent=2
        )
    here = "; the embedded registry itself costs nothing but disk" if report.disk is not None else ""
    out.say(f"[dim]prices of {prices.as_of}, for storage alone (cost: in windlass.yaml){here}[/]", indent=2)


def saved_month(report: Report) -> float:
    """How much less a month costs after a clean-up: in the tier that is paid for, or else in the cheapest one."""
    from windlass.registry.manage.cost import cheapest, compare

    after = compare(report.prices, max(0, report.usage.stored - report.saving.frees))
    if report.prices.tier is not None:
        now, then = (next(o for o in of if o.tier.name == report.prices.tier) for of in (report.offers, after))
        return now.month - then.month
    before, best = cheapest(report.offers), cheapest(after)
    return before.month - best.month if before is not None and best is not None else 0.0


def document(report: Report, chosen: str | None = None) -> dict[str, Any]:
    from windlass.registry.manage.cost import cheapest, reason

    best = cheapest(report.offers)
    used, saving = report.usage, report.saving
    return {
        "registry": report.host,
        "partial": report.listing.partial,
        "logical_bytes": used.logical,
        "stored_bytes": used.stored,
        "saved_bytes": used.saved,
        "shared_bytes": used.shared,
        "repositories": [_repository(o, report.services) for o in _chosen(used.repositories, chosen)],
        "prices": {
            "currency": report.prices.currency,
            "as_of": report.prices.as_of,
            "tier": report.prices.tier,
            "cheapest": best.tier.name if best else None,
            "why": reason(best, report.offers) if best else None,
            "tiers": [
                {
                    "name": offer.tier.name,
                    "month": round(offer.month, 2),
                    "base": offer.base,
                    "extra": round(offer.extra, 2),
                    "included_gib": offer.tier.included_gib,
                    "extra_gib": round(offer.extra_gib, 3),
                    "fits": offer.fits,
                }
                for offer in report.offers
            ],
        },
        "prune": {
            "manifests": saving.images,
            "frees_bytes": saving.frees,
            "saves_month": round(saved_month(report), 2),
            "unknown": saving.unknown,
        },
        "disk": {"root": report.disk.root, "content_bytes": report.disk.content, "unused_bytes": report.disk.unused}
        if report.disk
        else None,
    }


def _chosen(repositories: Sequence[RepositoryUse], name: str | None) -> list[RepositoryUse]:
    return [one for one in repositories if name is None or one.name == name]


def _repository(one: RepositoryUse, services: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": one.name,
        "service": services.get(one.name),
        "images": one.images,
        "untagged": one.untagged,
        "untagged_counted": one.complete,
        "untagged_bytes": one.untagged_bytes,
        "logical_bytes": one.logical,
        "stored_bytes": one.stored,
        "own_bytes": one.own,
        "tags": [
            {"tag": tag.name, "digest": tag.digest, "logical_bytes": tag.logical, "own_bytes": tag.own}
            for tag in one.tags
        ],
    }
