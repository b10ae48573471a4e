"""`windlass registry ls`."""

from __future__ import annotations

import argparse

from windlass.cli import options

EXAMPLE = "windlass registry ls"


def configure(parser: argparse.ArgumentParser) -> None:
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from windlass import wiring
    from windlass.cli.output import output, print_json
    from windlass.cli.session import open_session

    project = open_session(arguments).project
    wiring.ensure_registry(project)
    names = sorted(wiring.registry_client(project).repositories())
    if arguments.json:
        print_json({"registry": project.registry.host, "repositories": names})
    else:
        out = output()
        for name in names:
            out.say(name)
        if not names:
            out.say(f"{project.registry.host} holds nothing yet")
    return 0
