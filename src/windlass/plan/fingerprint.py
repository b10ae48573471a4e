"""One hash over everything an image is made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, overload

from windlass.model.plan import Fingerprint, Input

if TYPE_CHECKING:
    from windlass.plan.chosen import Chosen

SCHEMA = "windlass-fingerprint-2"
"""Part of every fingerprint: change it when the meaning of an input changes, and everything is built anew once."""


class Inputs(Sequence[Input]):
    """The inputs of an image, sorted. Those that are files are made when somebody looks: most plans only need their hash."""

    def __init__(self, others: Iterable[Input], files: Chosen | None = None) -> None:
        self._others = others
        self._files = files
        self._all: tuple[Input, ...] | None = None

    def all(self) -> tuple[Input, ...]:
        if self._all is None:
            files = self._files.inputs() if self._files is not None else ()
            self._all = tuple(sorted({*self._others, *files}, key=_order))
        return self._all

    @overload
    def __getitem__(self, index: int) -> Input: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Input, ...]: ...
    def __getitem__(self, index: int | slice) -> Input | tuple[Input, ...]:
        return self.all()[index]

    def __len__(self) -> int:
        return len(self.all())

    def __iter__(self) -> Iterator[Input]:
        return iter(self.all())

    def __eq__(self, other: object) -> bool:
        return self.all() == (other.all() if isinstance(other, Inputs) else other)

    def __hash__(self) -> int:
        return hash(self.all())

    def __repr__(self) -> str:
        return repr(self.all())


def fingerprint(
    inputs: Iterable[Input], *, repository: str, platforms: Sequence[str], files: Chosen | None = None
) -> Fingerprint:
    """The fingerprint of an image in a repository for some platforms; `digest` is None where an input cannot be pinned.

    Args:
        inputs: all but the files of the tree.
        files: these.
    """
    listed = sorted(set(inputs), key=_order)
    unpinned = tuple(item.name for item in listed if item.kind == "unpinned")
    everything = Inputs(listed, files)
    if unpinned:
        return Fingerprint(None, everything, unpinned)
    parts = [SCHEMA, repository, ",".join(sorted(platforms)), *map(_line, listed)]
    return Fingerprint(combine(*parts, f"files\t{files.digest if files else ''}"), everything)


def built_on(fingerprint: str, images: Mapping[str, str]) -> str:
    """What an image is remembered under: its fingerprint, with the images of the services it was built from (service →
    digest). These can change while every fingerprint stays: by a rebuild that fetches newer packages."""
    if not images:
        return fingerprint
    return combine("windlass-built-on-1", fingerprint, *(word for item in sorted(images.items()) for word in item))


def combine(*parts: str) -> str:
    """`sha256:<64 hex>` over some strings, in their order."""
    text = "".join([f"{len(part)}:{part}\n" for part in parts])
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()}"


def _order(item: Input) -> tuple[str, str, str]:
    return item.kind, item.name, item.digest


def _line(item: Input) -> str:
    if item.kind == "dockerfile":
        return (
            f"{item.kind}\t{item.digest}"  # where the Dockerfile lies and what its stages are called changes no image
        )
    return f"{item.kind}\t{item.digest}\t{item.name}"
