"""`.gitattributes` that change what a checkout writes: an image can change with them though no file in git does."""

from __future__ import annotations

from collections.abc import Iterator

from windlass.model.plan import Input
from windlass.plan.chosen import Chosen
from windlass.plan.fingerprint import combine
from windlass.plan.tree import Tree

_FILE = ".gitattributes"
_DECISIVE = ("eol=crlf", "ident", "filter=", "working-tree-encoding=", "crlf")
_RELEVANT = frozenset({"text", "eol", "crlf", "ident", "filter", "working-tree-encoding", "binary"})


class Attributes:
    """The attribute files of a tree, reduced to the lines that decide about contents."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        found = [path for path in tree.containing(_FILE) if path.rpartition("/")[2] == _FILE]
        tree.prepare(found)
        lines = {path: _lines(tree.read(path) or "") for path in found}
        # Without any of these, Linux checks out the bytes that are in git, whatever the other lines say.
        told = any(word.startswith(_DECISIVE) for kept in lines.values() for line in kept for word in line.split()[1:])
        self.lfs = any("filter=lfs" in line for kept in lines.values() for line in kept)
        self._by_folder = {path.removesuffix(_FILE).rstrip("/"): kept for path, kept in lines.items() if kept and told}

    def inputs(self, files: Chosen) -> Iterator[Input]:
        """Attribute files that apply to some files of the tree."""
        for folder, lines in self._by_folder.items():
            low, high = self._tree.span(folder)
            if files.touches(low, high):
                name = f"{folder}/{_FILE}" if folder else _FILE
                yield Input("setting", name, combine(*lines))


def _lines(text: str) -> list[str]:
    kept = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        names = {word.lstrip("-!").partition("=")[0] for word in words[1:]}
        if names & _RELEVANT or words[0].startswith("[attr]"):
            kept.append(" ".join(words))
    return kept
