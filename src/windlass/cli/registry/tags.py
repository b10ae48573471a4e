"""`windlass registry tags`: a service's tags, the one pushed last first."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from windlass.cli import options

if TYPE_CHECKING:
    from windlass.cli.output import Output
    from windlass.registry.manage.overview import TagRow
    from windlass.registry.manage.uses import Use

EXAMPLE = "windlass registry tags platform --limit 10"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("service", metavar="SERVICE", help="a service or repository name")
    parser.add_argument("-n", "--limit", type=_count, metavar="N", help="the newest N only")
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    import time

    from windlass import wiring
    from windlass.cli.output import output, print_json
    from windlass.cli.registry import look
    from windlass.cli.session import open_session
    from windlass.errors import UsageError
    from windlass.registry.manage.cost import usage
    from windlass.registry.manage.naming import repository_of, without_pointer
    from windlass.registry.manage.overview import tag_rows

    session = open_session(arguments, on_call=True)
    project = session.project
    wiring.ensure_registry(project)
    client = wiring.looking_client(project)
    found = look.listing(client, session)
    name = repository_of(without_pointer(arguments.service, project.registry.host), project, found.names)
    inventory = look.survey(client, session, look.weighed_with(name, session))
    repository = inventory.repository(name)
    if repository is None:
        raise UsageError(
            f"{project.registry.host} holds nothing of {arguments.service} yet", remedy="windlass run publishes it"
        )
    needs = look.needs(session)
    use = next(one for one in usage(inventory).repositories if one.name == name)
    rows = tag_rows(repository, use, needs.uses)
    shown = look.with_configurations(client, repository, rows[: arguments.limit])
    if arguments.json:
        document = {
            "registry": project.registry.host,
            "repository": name,
            "service": look.services(session).get(name),
            "total": len(rows),
            "doubt": needs.doubt,
            "tags": [_document(row) for row in shown],
        }
        print_json(document)
        return 0
    out = output()
    tell(shown, len(rows), f"{project.registry.host}/{name}", out, time.time())
    if needs.doubt is not None:
        out.say(f"[yellow]warning[/]  what runs may be out of date: {out.plain(needs.doubt)}", indent=9)
    return 0


def tell(rows: Sequence[TagRow], total: int, name: str, out: Output, now: float) -> None:
    from windlass.cli.output import short, size
    from windlass.cli.registry.look import ago

    if not rows:
        out.say(f"{out.plain(name)} has no tags")
        return
    marked = any(row.uses or row.locked for row in rows)
    cells = [
        (
            f"[bold]{out.plain(row.name)}[/]" if row.uses else out.plain(row.name),
            short(row.digest),
            f"{size(row.size):>8}",
            f"{size(row.own):>8}",
            ago(row.pushed, now),
            out.plain(", ".join([*(_word(use) for use in row.uses), *(["locked"] if row.locked else [])])),
        )[: 6 if marked else 5]
        for row in rows
    ]
    out.table(("tag", "image", "    size", "     own", "pushed", "needed by")[: 6 if marked else 5], cells)
    more = f"the newest {len(rows)} of {total} tags" if len(rows) < total else f"{total} tag{'' if total == 1 else 's'}"
    out.say(f"[dim]{more} in {out.plain(name)}{_platforms(rows)}; own is what removing the tag would free[/]")


def _platforms(rows: Sequence[TagRow]) -> str:
    """What the images are for, where that is the same for all; else what is not."""
    every = {row.platforms for row in rows}
    if len(every) == 1:
        only = next(iter(every))
        return f", each for {', '.join(only)}" if only else ""
    several = {", ".join(row.platforms) for row in rows if row.platforms}
    return f", for {' or '.join(sorted(several))}" if several else ""


def _word(use: Use) -> str:
    if use.need == "runs":
        return use.environment
    return f"{use.environment} ({'rollback' if use.need == 'rollback' else 'under way'})"


def _document(row: TagRow) -> dict[str, Any]:
    from windlass.cli.registry.look import stamp

    return {
        "tag": row.name,
        "digest": row.digest,
        "platforms": list(row.platforms),
        "size_bytes": row.size,
        "own_bytes": row.own,
        "pushed": stamp(row.pushed),
        "created": row.created,
        "locked": row.locked,
        "also": list(row.also),
        "needed_by": [{"environment": use.environment, "release": use.release, "need": use.need} for use in row.uses],
    }


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text[:9]):
        raise argparse.ArgumentTypeError(f"'{text[:40]}' is not a number from 1 on")
    return int(text[:9])
