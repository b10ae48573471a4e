"""`windlass registry serve`."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLE = "windlass registry serve --listen 0.0.0.0:5077 --tls-self-signed"


def configure(parser: argparse.ArgumentParser) -> None:
    from windlass.registry.server import settings

    parser.add_argument("--listen", default=None, metavar="ADDRESS:PORT", help="default: 127.0.0.1:5077")
    parser.add_argument(
        "--root", type=Path, metavar="DIR", help="where its content is; default: the one windlass starts"
    )
    settings.configure(parser)


def run(arguments: argparse.Namespace) -> int:
    import logging

    from windlass import wiring
    from windlass.config.load import embedded_port
    from windlass.registry.server.serving import serve
    from windlass.registry.server.settings import settings

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    listen = arguments.listen or f"127.0.0.1:{embedded_port()}"
    serve(settings(arguments, listen, arguments.root or wiring.registry_root()))
    return 0
