"""What this machine's container engine runs, whatever any record says: two clones of a project may share a registry."""

from __future__ import annotations

from dataclasses import replace

from windlass import process
from windlass.errors import WindlassError
from windlass.oci import digest as digests
from windlass.registry.retention.protected import Protected
from windlass.registry.retention.reason import Reason

_COMMAND = ["docker", "ps", "--all", "--no-trunc", "--format", "{{.Image}}"]


def with_running(protected: Protected, host: str) -> Protected:
    """The same, with the images of this machine's containers; without an engine here, nothing is added."""
    try:
        listed = process.run(_COMMAND, timeout=20)
    except (WindlassError, OSError):
        return protected
    found = parse_images(listed.stdout, host) if listed.ok else frozenset()
    reason = Reason("runs", "a container on this machine was made from it")
    added = {digest: reason for digest in found if digest not in protected.digests}
    return replace(protected, digests={**protected.digests, **added})


def parse_images(text: str, host: str) -> frozenset[str]:
    """Digests of a registry's images, from names one a line: `host/repository@sha256:…`."""
    found = (line.strip().partition("@") for line in text.splitlines())
    return frozenset(digest for name, _, digest in found if name.startswith(f"{host}/") and digests.is_digest(digest))
