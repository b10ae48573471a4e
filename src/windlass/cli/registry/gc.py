"""`windlass registry gc`."""

from __future__ import annotations

import argparse
from pathlib import Path

from windlass.cli import options
from windlass.cli.registry.words import number

EXAMPLE = "windlass registry gc --dry-run"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")
    parser.add_argument(
        "--grace",
        type=number,
        default=60.0,
        metavar="MINUTES",
        help="keep what was pushed or asked for in the last MINUTES although nothing needs it yet (default: 60)",
    )
    parser.add_argument("--root", type=Path, metavar="DIR", help="default: the one windlass starts")
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass import wiring
    from windlass.cli.output import output, print_json, size
    from windlass.cli.registry.words import existing
    from windlass.registry.server.upkeep.once import collect_root

    root = existing(arguments.root or wiring.registry_root())
    done = collect_root(root, grace=arguments.grace * 60, dry_run=arguments.dry_run)
    if arguments.json:
        print_json({"root": str(root), **done})
        return 0
    out = output()
    verb = "would free" if arguments.dry_run else "freed"
    blobs, uploads, recent = done["blobs"], done["uploads"], done["recent"]
    out.say(f"{verb} {size(blobs['size'])} in {blobs['count']} blobs that no manifest needs")
    if uploads["count"]:
        out.say(f"{verb} {size(uploads['size'])} in {uploads['count']} uploads that were given up")
    if recent["count"]:
        out.say(f"kept {size(recent['size'])} in {recent['count']} blobs, used in the last {arguments.grace:g} minutes")
    for name in done["unreadable"]:
        out.say(
            f"kept everything that {out.plain(name)} lists: a manifest of it cannot be read (windlass registry check)"
        )
    return 0
