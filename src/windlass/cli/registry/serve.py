"""`windlass registry serve`."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLE = "windlass registry serve --listen 127.0.0.1:5077"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--listen", default=None, metavar="ADDRESS:PORT", help="default: 127.0.0.1:5077")
    parser.add_argument(
        "--root", type=Path, metavar="DIR", help="where its content is; default: the one windlass starts"
    )
    parser.add_argument(
        "--open-to-everyone", action="store_true", help="listen where others reach it, without TLS and users"
    )


def run(arguments: argparse.Namespace) -> int:
    import logging

    from windlass import wiring
    from windlass.config.load import embedded_port
    from windlass.registry.server import serve

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    listen = arguments.listen or f"127.0.0.1:{embedded_port()}"
    serve(listen, arguments.root or wiring.registry_root(), open_to_everyone=arguments.open_to_everyone)
    return 0
