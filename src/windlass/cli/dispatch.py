"""Run one command: parse its words, call it, and turn whatever goes wrong into a message and an exit code."""

from __future__ import annotations

import argparse
import importlib
import io
import signal
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from windlass import interruption
from windlass.errors import ExitCode, UsageError


class Parser(argparse.ArgumentParser):
    """Refuses wrong words with exit code 64, in our own form."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, remedy=f"{self.prog} --help shows how")


def dispatch(name: str, command: tuple[str, str], argv: Sequence[str]) -> int:
    from windlass.cli import stream

    if isinstance(sys.stdout, io.TextIOWrapper) and not stream.is_unicode(sys.stdout):
        sys.stdout.reconfigure(errors="replace")
    try:
        return _run(name, command, argv)
    except BrokenPipeError:
        stream.abandon(sys.stdout)  # the reader has gone (| head): nothing is wrong, and nobody is left to tell
        return ExitCode.DONE
    finally:
        stream.flush()


def _run(name: str, command: tuple[str, str], argv: Sequence[str]) -> int:
    try:
        module = _module(command[0])
        arguments = make_parser(name, command).parse_args(list(argv))
        interruption.listen()
        return int(module.run(arguments))
    except KeyboardInterrupt:
        from windlass import process

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # once is enough: what was started is ended first
        process.terminate_all()
        from windlass.cli.failure import show_interruption

        return show_interruption(as_json="--json" in argv)
    except BrokenPipeError:
        raise
    except Exception as error:
        from windlass.cli.failure import show

        return show(error, as_json="--json" in argv)


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
