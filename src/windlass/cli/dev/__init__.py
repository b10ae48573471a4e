"""`windlass dev`: the services of the checkout on this machine. One file per verb, a module with `configure(parser)`,
`run(arguments) -> exit code` and `EXAMPLE`."""

from __future__ import annotations

import argparse
import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windlass.errors import UsageError

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
    "monitor": ("monitor", "a live view: state, health, CPU, memory, restarts, age"),
}


_COMPOSE = {
    "build": "start --build",
    "pull": "update",
    "up": "start",
    "down": "stop",
    "ps": "status",
    "top": "monitor",
    "stats": "monitor",
}
"""What people know from Docker Compose, and what it is called here."""


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
    verbs.choices = _Verbs(verbs.choices or {})


class _Verbs(dict[str, argparse.ArgumentParser]):
    """What `argparse` asks whether a word is a verb."""

    def __contains__(self, word: object) -> bool:
        if not super().__contains__(word):
            raise unknown(str(word))
        return True


def unknown(word: str) -> UsageError:
    """What to say of a word that is no verb: which one was probably meant."""
    from difflib import get_close_matches

    from windlass.errors import UsageError

    meant = _COMPOSE.get(word) or next(iter(get_close_matches(word, VERBS, n=1)), "")
    hint = f"did you mean windlass dev {meant}?" if meant else f"there are: {', '.join(VERBS)}"
    return UsageError(f"there is no verb '{word}'", remedy=hint)


def run(arguments: argparse.Namespace) -> int:
    module_name, _ = VERBS[arguments.verb]
    return int(importlib.import_module(f"windlass.cli.dev.{module_name}").run(arguments))
