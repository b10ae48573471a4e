"""`windlass logs ENV [SERVICE]`: what the services say."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from windlass.cli import options

if TYPE_CHECKING:
    from windlass.deploy.interface import LogLine

EXAMPLE = "windlass logs staging platform --follow"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("env", metavar="ENV")
    parser.add_argument("service", nargs="?", metavar="SERVICE", help="default: every service, interleaved")
    parser.add_argument("-n", "--tail", type=int, default=100, metavar="N", help="last N lines of each (default 100)")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until interrupted")
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass.cli.session import open_session
    from windlass.errors import UsageError

    options.whole(arguments)
    session = open_session(arguments, on_call=True)
    environment = session.environment(arguments.env)
    target = session.view.target(environment)
    names = [state.service for state in target.observe().services]
    if not names:
        raise UsageError(
            f"no service of {environment.name} runs", remedy=f"windlass status {environment.name} shows what ran there"
        )
    if arguments.service and arguments.service not in names:
        raise UsageError(
            f"{environment.name} runs no service '{arguments.service}'",
            remedy=f"it runs: {', '.join(names)}",
        )
    if arguments.json:
        from windlass.cli.stream import write_json

        lines: list[LogLine] = []
        target.logs(arguments.service, tail=max(arguments.tail, 0), follow=False, on_line=lines.append)
        write_json(
            {"environment": environment.name, "lines": [{"service": one.service, "text": one.text} for one in lines]},
            indent=2,
        )
        return 0
    width = max((len(name) for name in names), default=0)

    def show(line: LogLine) -> None:
        # A service's own words are passed on as they are: pipes and eyes both want them unfolded.
        prefix = "" if arguments.service else f"{line.service:<{width}}  "
        sys.stdout.write(f"{prefix}{line.text}\n")
        sys.stdout.flush()

    target.logs(arguments.service, tail=max(arguments.tail, 0), follow=arguments.follow, on_line=show)
    return 0
