"""`windlass registry`: serve the embedded registry, and look into the project's."""

from __future__ import annotations

import argparse
from pathlib import Path

from windlass.cli import options

EXAMPLE = "windlass registry tags platform"


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    serve = actions.add_parser("serve", help="serve the embedded registry in the foreground")
    serve.add_argument("--listen", default=None, metavar="ADDRESS:PORT", help="default: 127.0.0.1:5077")
    serve.add_argument(
        "--root", type=Path, metavar="DIR", help="where its content is; default: the one windlass starts"
    )
    serve.add_argument(
        "--open-to-everyone", action="store_true", help="listen where others reach it, without TLS and users"
    )
    stop = actions.add_parser("stop", help="end the embedded registry that runs on this machine")
    stop.add_argument("--root", type=Path, metavar="DIR")
    for name, text in (("ls", "repositories of the project's registry"), ("tags", "tags of one service")):
        action = actions.add_parser(name, help=text)
        if name == "tags":
            action.add_argument("service", metavar="SERVICE", help="a service or repository name")
        options.directory(action)
        options.as_json(action)


def run(arguments: argparse.Namespace) -> int:
    return {"serve": _serve, "stop": _stop, "ls": _ls, "tags": _tags}[arguments.action](arguments)


def _serve(arguments: argparse.Namespace) -> int:
    import logging

    from windlass import wiring
    from windlass.config.load import embedded_port
    from windlass.registry.server import serve

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    listen = arguments.listen or f"127.0.0.1:{embedded_port()}"
    serve(listen, arguments.root or wiring.registry_root(), open_to_everyone=arguments.open_to_everyone)
    return 0


def _stop(arguments: argparse.Namespace) -> int:
    from windlass import wiring
    from windlass.cli.output import output
    from windlass.registry.daemon import stop

    output().say("ended" if stop(arguments.root or wiring.registry_root()) else "it does not run")
    return 0


def _ls(arguments: argparse.Namespace) -> int:
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


def _tags(arguments: argparse.Namespace) -> int:
    from windlass import wiring
    from windlass.cli.output import output, print_json, short
    from windlass.cli.session import open_session
    from windlass.errors import UsageError
    from windlass.oci.faults import NotFound

    project = open_session(arguments).project
    wiring.ensure_registry(project)
    client = wiring.registry_client(project)
    image = next((s.image for s in project.buildable if s.name == arguments.service), arguments.service)
    repository = project.registry.repository(image)
    try:
        found = [(tag, client.head_manifest(repository, tag)) for tag in client.tags(repository)]
    except NotFound:
        raise UsageError(
            f"{project.registry.host} has no repository '{repository}'", remedy="windlass registry ls lists them"
        ) from None
    rows = [(tag, descriptor.digest if descriptor else None) for tag, descriptor in found]
    if arguments.json:
        print_json({"repository": repository, "tags": [{"tag": tag, "digest": digest} for tag, digest in rows]})
    else:
        output().table(("tag", "image"), [(tag, short(digest)) for tag, digest in rows])
    return 0
