"""`windlass dev`: the services of the checkout on this machine. One file per verb, a module with `configure(parser)`,
`run(arguments) -> exit code` and `EXAMPLE`."""

from __future__ import annotations

import argparse
import importlib

EXAMPLE = "TAG=main-abc1234 windlass dev start"

VERBS: dict[str, tuple[str, str]] = {
    # name: (module, what it does)
    "setup": ("setup", "once: check this machine, get all images, write dev-local.sh"),
    "start": ("start", "start the services on the registry's images; build what it lacks"),
    "start-min": ("start_min", "the same without heavy services"),
    "stop": ("stop", "stop the services; their data stays"),
    "restart": ("restart", "restart services that run"),
    "status": ("status", "what runs on this machine, and how it is"),
    "logs": ("logs", "what the services say, together"),
    "test": ("test", "ask every endpoint; fails if one fails"),
    "update": ("update", "get the latest images and restart what changed"),
    "clean": ("clean", "remove containers, networks and images built here"),
    "monitor": ("monitor", "a live view: health, CPU, memory, restarts, age"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, (module_name, text) in VERBS.items():
        module = importlib.import_module(f"windlass.cli.dev.{module_name}")
        verb = verbs.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=f"example:\n  {module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.configure(verb)


def run(arguments: argparse.Namespace) -> int:
    module_name, _ = VERBS[arguments.verb]
    return int(importlib.import_module(f"windlass.cli.dev.{module_name}").run(arguments))
