"""`windlass registry ls`: repositories, the one pushed to last first."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from windlass.cli.output import Output
    from windlass.registry.manage.overview import RepositoryRow

EXAMPLE = "windlass registry ls"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="also what is outside the prefix in windlass.yaml")
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    import time

    from windlass import wiring
    from windlass.cli.output import output, print_json
    from windlass.cli.registry.look import listing, services, stamp, survey, tell_partial
    from windlass.cli.session import open_session
    from windlass.registry.manage.cost import usage
    from windlass.registry.manage.overview import repository_rows

    session = open_session(arguments, on_call=True)
    project = session.project
    wiring.ensure_registry(project)
    client = wiring.looking_client(project)
    found = listing(client, session)
    inner = f"{project.registry.prefix}/" if project.registry.prefix and not arguments.all else ""
    names = [name for name in found.names if name.startswith(inner)]
    inventory = survey(client, session, names)
    used = usage(inventory)
    rows = repository_rows(inventory, used, services(session))
    if arguments.json:
        document = {
            "registry": project.registry.host,
            "partial": found.partial,
            "stored_bytes": used.stored,
            "repositories": [
                {
                    "name": row.name,
                    "service": row.service,
                    "tags": row.tags,
                    "images": row.images,
                    "untagged_counted": row.complete,
                    "stored_bytes": row.stored,
                    "pushed": stamp(row.pushed),
                }
                for row in rows
            ],
        }
        print_json(document)
        return 0
    out = output()
    tell(rows, project.registry.host, used.stored, out, time.time())
    outside = len(found.names) - len(names)
    if outside:
        out.say(f"[dim]{outside} more outside {out.plain(inner)} (--all shows them)[/]")
    tell_partial(found, project.registry.host, out)
    return 0


def tell(rows: Sequence[RepositoryRow], host: str, stored: int, out: Output, now: float) -> None:
    from windlass.cli.output import size
    from windlass.cli.registry.look import ago

    if not rows:
        out.say(f"{out.plain(host)} holds nothing yet")
        return
    cells = [
        (
            f"[bold]{out.plain(row.name)}[/]" if row.service else out.plain(row.name),
            f"{row.images:>6}",
            f"{row.tags:>4}",
            f"{size(row.stored):>8}",
            ago(row.pushed, now),
        )
        for row in rows
    ]
    out.table(("repository", "images", "tags", "  stored", "pushed"), cells)
    out.say(f"[dim]{len(rows)} in {out.plain(host)}, {size(stored)} together; what they share counts in each[/]")
