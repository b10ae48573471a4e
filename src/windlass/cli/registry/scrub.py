"""`windlass registry scrub`."""

from __future__ import annotations

import argparse
from pathlib import Path

from windlass.cli import options
from windlass.cli.registry.words import number

EXAMPLE = "windlass registry scrub --rate 100"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rate", type=number, metavar="MIB", help="read at most MIB mebibytes a second (0, the default: no limit)"
    )
    parser.add_argument("--root", type=Path, metavar="DIR", help="default: the one windlass starts")
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass import wiring
    from windlass.cli.output import output, print_json, size
    from windlass.cli.registry.words import existing, needed_by
    from windlass.errors import ExitCode
    from windlass.registry.server.upkeep.once import scrub_root

    root = existing(arguments.root or wiring.registry_root())
    done = scrub_root(root, rate=arguments.rate * 1024 * 1024 if arguments.rate else None)
    if arguments.json:
        print_json({"root": str(root), **done})
    else:
        out = output()
        out.say(f"read {size(done['size'])} in {done['blobs']} blobs and manifests")
        for damage in done["damage"]:
            where = f", moved to {damage['moved_to']}" if damage["moved_to"] else ""
            out.say(out.plain(f"{damage['digest']}: {damage['reason']}{where}"), indent=2)
            out.say(out.plain(needed_by(damage["needed_by"])), first=2, indent=4)
        if done["damage"]:
            out.say("push the images that need it again: a push repairs what is missing")
    return ExitCode.UNUSABLE if done["damage"] else ExitCode.DONE
