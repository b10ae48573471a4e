"""`windlass registry tags`."""

from __future__ import annotations

import argparse

from windlass.cli import options

EXAMPLE = "windlass registry tags platform"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("service", metavar="SERVICE", help="a service or repository name")
    options.directory(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
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
