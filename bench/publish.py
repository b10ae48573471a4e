"""Publish an image as the flow does, in a process of its own: `python -m bench.publish LAYOUT DIGEST HOST REPOSITORY TAG…`."""

from __future__ import annotations

import sys
from pathlib import Path

from windlass.model.artifacts import LayoutImage
from windlass.oci.client import RegistryClient
from windlass.oci.images import RegistryImages


def main(layout: str, digest: str, host: str, repository: str, *tags: str) -> None:
    RegistryImages(RegistryClient(host)).push(LayoutImage(Path(layout), digest), repository, tags)


if __name__ == "__main__":
    main(*sys.argv[1:])
