"""Run one command: parse its words, call it, and turn whatever goes wrong into a message and an exit code."""

from __future__ import annotations

import argparse
import os
import sys

from windlass.errors import ExitCode, UsageError

TYPE_CHECKING = False  # see main
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import NoReturn


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal, asked for without `shutil`, which takes longer to import than help takes to show."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=terminal_width() - 2)


def terminal_width() -> int:
    """Columns: `COLUMNS`, the terminal's own, or 80."""
    if os.environ.get("COLUMNS", "").isdigit():
        return max(int(os.environ["COLUMNS"]), 20)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns if sys.__stdout__ else 80
    except (OSError, ValueError):
        return 80


class Parser(argparse.ArgumentParser):
    """Refuses wrong words with exit code 64, in our own form."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, remedy=f"{self.prog} --help shows how")


def dispatch(name: str, command: tuple[str, str], argv: Sequence[str]) -> int:
    module = _module(command[0])
    parser = make_parser(name, command)
    as_json = "--json" in argv
    try:
        arguments = parser.parse_args(list(argv))
        _listen_for_the_end()
        return int(module.run(arguments))
    except KeyboardInterrupt:
        from windlass import process

        process.terminate_all()
        sys.stderr.write("\ninterrupted; what was running was ended\n")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone (| head): nothing is wrong, and nobody is left to tell
        return ExitCode.DONE
    except Exception as error:
        from windlass.cli.failure import show

        return show(error, as_json=as_json)


def _module(name: str) -> ModuleType:
    return __import__(f"windlass.cli.{name}", fromlist=["run"])


def make_parser(name: str, command: tuple[str, str]) -> Parser:
    """A command's parser, its help with an example."""
    module_name, text = command
    module = _module(module_name)
    parser = Parser(
        prog=f"windlass {name}",
        description=text[0].upper() + text[1:] + ".",
        epilog=f"example:\n  {module.EXAMPLE}",
        formatter_class=Formatter,
        allow_abbrev=False,
    )
    module.configure(parser)
    return parser


def _listen_for_the_end() -> None:
    """A CI runner that cancels sends SIGTERM: it ends a run as Ctrl-C does."""
    import signal

    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
