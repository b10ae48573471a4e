"""Run one command: parse its words, call it, and turn whatever goes wrong into a message and an exit code."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from windlass.errors import ExitCode, UsageError


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
        signal.signal(signal.SIGTERM, _interrupt)  # a CI runner that cancels: as Ctrl-C
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
    return importlib.import_module(f"windlass.cli.{name}")


def make_parser(name: str, command: tuple[str, str], *, width: int | None = None) -> Parser:
    """A command's parser, its help with an example and as wide as the terminal, or `width` columns."""
    module_name, text = command
    module = _module(module_name)
    parser = Parser(
        prog=f"windlass {name}",
        description=text[0].upper() + text[1:] + ".",
        epilog=f"example:\n  {module.EXAMPLE}",
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=width),
        allow_abbrev=False,
    )
    module.configure(parser)
    return parser


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
