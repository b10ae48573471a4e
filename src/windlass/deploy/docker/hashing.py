"""Configuration hashes that Compose was asked for before: the way back to a release of yesterday asks nothing."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

_KEPT = 40


class Hashes:
    """Kept in a file that only its owner may read, by the digest of the whole model; the model itself is not kept.

    Args:
        file: where; it may be removed at any time.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def of(self, document: str) -> dict[str, str] | None:
        """Service → hash, for a model as Compose was given it; None when it was not."""
        found = self._read().get(_key(document))
        return dict(found) if found is not None else None

    def note(self, document: str, hashes: Mapping[str, str]) -> None:
        every = self._read()
        every.pop(_key(document), None)
        every[_key(document)] = dict(hashes)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
            json.dump(dict(list(every.items())[-_KEPT:]), handle)
        draft.replace(self._file)

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            document = json.loads(self._file.read_text())
            return {
                str(key): {str(service): str(digest) for service, digest in hashes.items()}
                for key, hashes in document.items()
            }
        except (OSError, ValueError, AttributeError):
            return {}


def _key(document: str) -> str:
    return hashlib.sha256(document.encode()).hexdigest()
