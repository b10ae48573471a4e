"""What a registry's root holds on disk, for who owns the disk; a server may go on serving meanwhile.

What it holds for those who use it (repositories, tags, manifests) is read through the API: `retention.survey`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from windlass.registry.names import ALGORITHMS, Digest


@dataclass(frozen=True, slots=True)
class OnDisk:
    """`blobs` maps every stored blob, used or not, to its size in bytes: their sum is what the disk holds."""

    blobs: dict[Digest, int]

    @property
    def stored(self) -> int:
        return sum(self.blobs.values())


def inventory(root: Path) -> OnDisk:
    """Everything under a root; empty when there is none.

    Raises:
        OSError
    """
    found: dict[Digest, int] = {}
    for algorithm in ALGORITHMS:
        folder = root / "blobs" / algorithm
        if folder.is_dir():
            for entry in os.scandir(folder):
                try:
                    found[Digest(f"{algorithm}:{entry.name}")] = entry.stat().st_size
                except FileNotFoundError:
                    continue
    return OnDisk(found)
