"""What somebody set on a repository, a tag or a manifest: locks, and whether it is listed and may be read.

    repositories/<name>/_attributes/repository
    repositories/<name>/_attributes/tags/<tag>
    repositories/<name>/_attributes/manifests/<algorithm>/<hex>

There is a file only where something differs from what goes without saying. It counts only while its tag or manifest is
there: what a crash leaves behind is removed before the same name is used again. Names and meaning are those of ACR
("Lock a container image in an Azure container registry"; REST API `ChangeableAttributes`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from windlass.registry.server.names import Digest, as_digest, is_tag, split_digest
from windlass.registry.server.storage.durable import make_folders, remove_file, write_file


@dataclass(frozen=True, slots=True)
class Attributes:
    """`delete`: may be removed. `write`: may be overwritten or removed. `list`: is shown in lists. `read`: may be pulled."""

    delete: bool = True
    write: bool = True
    list: bool = True
    read: bool = True

    @property
    def locked(self) -> bool:
        """Whether it may not be removed. ACR's `writeEnabled` stands for both overwriting and removing."""
        return not (self.delete and self.write)


LOCKED = Attributes(delete=False, write=False)


@dataclass(frozen=True, slots=True)
class Record:
    """Attributes, and when the thing was created in nanoseconds since 1970; None while its file's own time still says so."""

    attributes: Attributes = field(default_factory=Attributes)
    created: int | None = None


NOTHING = Record()
REPOSITORY = "repository"


def of_tag(tag: str) -> str:
    """Where a tag's record is, below the folder of attributes."""
    return f"tags/{tag}"


def of_manifest(digest: Digest) -> str:
    algorithm, encoded = split_digest(digest)
    return f"manifests/{algorithm}/{encoded}"


class AttributeStore:
    """The records of one repository. Methods that change something block on the disk; hold the repository's lock."""

    def __init__(self, folder: str, scratch: Path) -> None:
        self._folder = folder
        self._scratch = scratch
        self.changes = 0
        """Counts changes of attributes. What goes together with its tag or manifest was no lock, and is not counted."""

    def read(self, place: str) -> Record:
        """A record that is damaged counts as a lock: it may have been one."""
        try:
            with open(f"{self._folder}/{place}", "rb") as file:  # noqa: PTH123 (a hot path)
                return _parse(file.read())
        except (FileNotFoundError, NotADirectoryError):
            return NOTHING

    def remove(self, place: str) -> None:
        remove_file(Path(f"{self._folder}/{place}"))

    def change(self, place: str, attributes: Attributes) -> None:
        self._write(place, replace(self.read(place), attributes=attributes))
        self.changes += 1

    def keep_created(self, place: str, created: int) -> None:
        """Remember when something was created, before its file's time says something else."""
        record = self.read(place)
        if record.created is None:
            self._write(place, replace(record, created=created))

    def tags(self) -> Iterator[tuple[str, Record]]:
        """Tags with a record; whether there is such a tag is not looked up."""
        for path in _files(Path(f"{self._folder}/tags")):
            if is_tag(path.name):
                yield path.name, self.read(of_tag(path.name))

    def manifests(self) -> Iterator[tuple[Digest, Record]]:
        """Manifests with a record; whether there is such a manifest is not looked up."""
        for folder in _files(Path(f"{self._folder}/manifests")):
            for path in _files(folder):
                if (digest := as_digest(f"{folder.name}:{path.name}")) is not None:
                    yield digest, self.read(of_manifest(digest))

    def _write(self, place: str, record: Record) -> None:
        if record == NOTHING:
            self.remove(place)
            return
        path = Path(f"{self._folder}/{place}")
        make_folders(path.parent)
        write_file(path, _dump(record), self._scratch)


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


_KEYS = ("delete", "write", "list", "read")


def _dump(record: Record) -> bytes:
    document: dict[str, Any] = {key: False for key in _KEYS if not getattr(record.attributes, key)}
    if record.created is not None:
        document["created"] = record.created
    return json.dumps(document, separators=(",", ":")).encode()


def _parse(data: bytes) -> Record:
    try:
        document = json.loads(data)
        created = document.get("created")
        flags = {key: document.get(key, True) for key in _KEYS}
    except (ValueError, AttributeError, RecursionError):
        return Record(LOCKED)
    if not all(isinstance(flag, bool) for flag in flags.values()) or not isinstance(created, int | None):
        return Record(LOCKED)
    return Record(Attributes(**flags), created)
