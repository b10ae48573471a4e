"""`python -m windlass.registry.server --listen 127.0.0.1:5077 --root FOLDER`: the registry in the foreground."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from windlass.errors import WindlassError
from windlass.registry.server.serving import serve
from windlass.registry.server.settings import configure, settings


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m windlass.registry.server", description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:5077", metavar="ADDRESS:PORT")
    parser.add_argument("--root", required=True, type=Path, metavar="FOLDER")
    configure(parser)
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        serve(settings(options, options.listen, options.root))
    except WindlassError as error:
        logging.getLogger(__name__).error("%s%s", error, f" ({error.remedy})" if error.remedy else "")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
