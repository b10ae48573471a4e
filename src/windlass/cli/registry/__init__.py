"""`windlass registry`: the embedded registry, and the management of any. One file per action, a module with
`configure(parser)`, `run(arguments) -> exit code` and `EXAMPLE`."""

from __future__ import annotations

import argparse
import importlib

EXAMPLE = "windlass registry tags platform"

ACTIONS: dict[str, str] = {
    # name (and module): what it does
    "serve": "serve the embedded registry in the foreground",
    "users": "add, remove and list who can log in to the embedded registry",
    "token": "create, list and revoke long-lived tokens for CI",
    "stop": "end the embedded registry that runs on this machine",
    "ls": "repositories, the one pushed to last first",
    "tags": "a service's tags, newest first, and who needs them",
    "rm": "take a tag, or an image with all its tags, away",
    "prune": "delete images that nothing needs; say why others stay",
    "cost": "what is stored, what sharing saves, what it costs",
    "copy": "bring an image elsewhere, all its platforms with it",
    "gc": "free the space of what no image needs any more, also while the registry serves",
    "scrub": "read all content again and move what is damaged aside, also while the registry serves",
    "check": "look at everything the registry keeps, and say what is wrong; changes nothing",
}


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text in ACTIONS.items():
        module = importlib.import_module(f"windlass.cli.registry.{name}")
        action = actions.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=f"example:\n  {module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.configure(action)


def run(arguments: argparse.Namespace) -> int:
    return int(importlib.import_module(f"windlass.cli.registry.{arguments.action}").run(arguments))
