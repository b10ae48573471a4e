"""`windlass registry check`."""

from __future__ import annotations

import argparse
from pathlib import Path

from windlass.cli import options

EXAMPLE = "windlass registry check --fast"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fast", action="store_true", help="do not hash content, only look whether all of it is there")
    parser.add_argument("--root", type=Path, metavar="DIR", help="default: the one windlass starts")
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from windlass import wiring
    from windlass.cli.output import output, print_json, size
    from windlass.cli.registry.words import existing, needed_by
    from windlass.errors import EnvironmentUnusable, ExitCode
    from windlass.registry.server.upkeep.check import check

    root = existing(arguments.root or wiring.registry_root())
    try:
        done = check(root, fast=arguments.fast)
    except OSError as error:
        raise EnvironmentUnusable(
            f"the registry's files under {root} cannot be read: {error.strerror}", remedy="run this as their owner"
        ) from error
    if arguments.json:
        findings = [{**asdict(each), "harmless": each.harmless, "remedy": each.remedy} for each in done.findings]
        print_json({"root": str(root), "sound": done.sound, **asdict(done), "findings": findings})
    else:
        out = output()
        looked = "hashed" if done.hashed else "looked at"
        out.say(
            f"{done.repositories} repositories, {done.tags} tags, {done.manifests} manifests; "
            f"{looked} {size(done.size)} in {done.blobs} blobs"
        )
        for each in sorted(done.findings, key=lambda each: each.harmless):
            out.say(out.plain(f"{each.kind}: {each.what}: {each.reason}"), indent=2)
            if each.needed_by:
                out.say(out.plain(needed_by([asdict(user) for user in each.needed_by])), first=2, indent=4)
            out.say(out.plain(each.remedy), first=2, indent=4)
        if done.sound:
            out.say("everything that can be pulled is whole")
    return ExitCode.DONE if done.sound else ExitCode.UNUSABLE
