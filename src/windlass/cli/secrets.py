"""`windlass secrets check`: which named secrets are present, without showing any."""

from __future__ import annotations

import argparse

from windlass.cli import options

EXAMPLE = "windlass secrets check --env production"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("check",))
    parser.add_argument("--env", metavar="ENV", help="default: every environment")
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass import wiring
    from windlass.cli.output import output, print_json
    from windlass.cli.session import open_session
    from windlass.errors import ExitCode

    session = open_session(arguments)
    chosen = (session.environment(arguments.env),) if arguments.env else session.project.environments
    rows = [
        (environment.name, name, present)
        for environment in chosen
        for name, present in wiring.secrets_present(session.project, environment).items()
    ]
    if arguments.json:
        print_json({"secrets": [{"environment": e, "name": n, "present": p} for e, n, p in rows]})
    elif not rows:
        output().say("no secrets are named; list them under environments.NAME.secrets in windlass.yaml")
    else:
        shown = [(e, n, "[green]present[/]" if p else "[red]missing[/]") for e, n, p in rows]
        output().table(("environment", "secret", ""), shown)
    return ExitCode.DONE if all(present for *_, present in rows) else ExitCode.UNUSABLE
