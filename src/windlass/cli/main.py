"""Where a command line arrives: find the command, run it, turn errors into words and exit codes.

Nothing heavy is imported here: `windlass --version` and `windlass COMMAND --help` must start at once. Each command lives
in a module of its own with `configure(parser)` and `run(arguments) -> exit code`, imported only when it is asked for.
"""

from __future__ import annotations

import sys

from windlass import __version__

TYPE_CHECKING = False  # `typing` itself would cost a third of the start
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

COMMANDS: dict[str, tuple[str, str]] = {
    # name: (module, what it does)
    "init": ("init", "write windlass.yaml from the Compose files and Dockerfiles found"),
    "doctor": ("doctor", "check engine, builder, registry, ports and git, with remedies"),
    "plan": ("plan", "which services would be built, and why; touches nothing"),
    "why": ("why", "which inputs differ from the last build of a service"),
    "build": ("build", "build what the plan says, publish nothing"),
    "scan": ("scan", "build and scan, publish nothing"),
    "run": ("run", "the whole pipeline: plan to verified deployment"),
    "deploy": ("deploy", "bring a published release to an environment, by digest"),
    "promote": ("promote", "bring what one environment runs to another, by digest"),
    "approve": ("approve", "give one's word that a release may be deployed"),
    "rollback": ("rollback", "go back to the previous release, or a named one"),
    "verify": ("verify", "run health checks and API suites on a live environment"),
    "status": ("status", "what runs where, and how it is"),
    "history": ("history", "what ran in an environment"),
    "diff": ("diff", "how what runs differs from what should"),
    "logs": ("logs", "what the services of an environment say"),
    "drill": ("drill", "rehearse failures on a throwaway copy of an environment"),
    "dev": ("dev", "local development: start, logs, test, update, monitor and more"),
    "registry": ("registry", "serve, look into and clean up the registry"),
    "secrets": ("secrets", "which named secrets are present, without showing any"),
}

_EXAMPLES = """\
Start here:
  windlass init                    in a repository with Compose files
  windlass plan                    what would be built, and why
  windlass run                     build, test, publish, deploy, verify
  windlass rollback production     back to the release before

windlass COMMAND --help shows a command's options and an example.
"""


def entry() -> NoReturn:
    """The console script."""
    sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str]) -> int:
    """Run one command line; returns the exit code (`windlass.errors.ExitCode`)."""
    arguments = list(argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(overview(), end="")  # noqa: T201
        return 0
    if arguments[0] in ("-V", "--version"):
        print(f"windlass {__version__}")  # noqa: T201
        return 0
    if arguments[0] not in COMMANDS:
        return _unknown(arguments[0])
    if arguments[1:] in (["--help"], ["-h"]):
        from windlass.cli.help import rendered

        if text := rendered(arguments[0]):
            print(text, end="")  # noqa: T201
            return 0
    from windlass.cli.dispatch import dispatch

    return dispatch(arguments[0], COMMANDS[arguments[0]], arguments[1:])


def overview() -> str:
    """What `windlass --help` prints; at most 80 columns."""
    width = max(len(name) for name in COMMANDS)
    lines = [f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    return (
        "usage: windlass COMMAND [options]\n\n"
        "Takes a repository of containerised services from a commit to a healthy\n"
        "deployment, and back.\n\n" + "\n".join(lines) + "\n\n" + _EXAMPLES
    )


def _unknown(word: str) -> int:
    from difflib import get_close_matches

    from windlass.cli.failure import show
    from windlass.errors import UsageError

    if word.startswith("-"):
        remedy = f"options follow the command: windlass plan {word} …; windlass --help lists the commands"
        return show(UsageError(f"'{word}' stands where a command belongs", remedy=remedy), as_json=False)
    close = get_close_matches(word, COMMANDS, n=1)
    hint = f"did you mean windlass {close[0]}?" if close else "windlass --help lists the commands"
    return show(UsageError(f"there is no command '{word}'", remedy=hint), as_json=False)
